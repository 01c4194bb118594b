"""Dialling in: PINs typed on a phone, the rooms they stand for, and the guard over both."""

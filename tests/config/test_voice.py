"""`[voice]`: recordings of the operator's, whose names are checked before anybody calls."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.config.configuration import parse
from gateway.errors import ConfigError
from gateway.ivr.texts import PACKS

LEAST: dict[str, Any] = {
    "jitsi": {"domain": "meet.example.org"},
    "trunk": [{"name": "pbx", "from": ["192.0.2.1"]}],
}


def folder(path: Path, *files: str) -> Path:
    for file in files:
        (path / file).parent.mkdir(exist_ok=True)
        (path / file).touch()
    return path


def problems(prompts: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse({**LEAST, "voice": {"prompts": str(prompts)}})
    return caught.value.problems


def test_the_operators_recordings_come_before_ours_in_every_process(tmp_path: Path) -> None:
    own = folder(tmp_path, "de/greeting.wav", "de/joining-before.mp3", "ru/letter-u0436.wav")
    config = parse({**LEAST, "voice": {"prompts": str(own)}, "media": {"workers": 1}})
    assert config.engine.recordings == (str(own), str(PACKS))
    (begin,) = config.media_workers
    assert begin.config.recordings == (str(own), str(PACKS))
    assert parse(LEAST).engine.recordings == (str(PACKS),)


def test_what_is_hidden_beside_recordings_is_nobody_s_concern(tmp_path: Path) -> None:
    own = folder(tmp_path, ".git/config", "de/greeting.wav", "de/._greeting.wav", "de/.DS_Store")
    assert parse({**LEAST, "voice": {"prompts": str(own)}}).voice.prompts == own


def test_recordings_that_nobody_would_hear_are_all_told_with_what_is_meant(tmp_path: Path) -> None:
    folder(tmp_path, "de/greting.wav", "de/xyzzy.wav", "nl/greeting.wav", "README")
    first, second, third = problems(tmp_path)
    assert first == f"voice.prompts: {tmp_path}/de/greting.wav is no prompt; is it greeting?"
    remedy = "sip-gateway prompts de lists them"
    assert second == f"voice.prompts: {tmp_path}/de/xyzzy.wav is no prompt; {remedy}"
    assert third.startswith(f"voice.prompts: {tmp_path}/nl is no language; there are en, de")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "none")
    assert problem == f"voice.prompts: {tmp_path}/none: No such file or directory"


def test_names_and_words_of_all_recordings_are_listed() -> None:
    listed = CliRunner().invoke(app, ["prompts", "de"])
    assert listed.exit_code == 0
    rows = dict(line.split("\t") for line in listed.output.splitlines())
    assert rows["goodbye"] == "Auf Wiederhören."
    assert rows["participants-5"] == "5 Teilnehmer sind da."
    assert rows["joining-before"] == "Sie betreten,"
    assert {"digit-0", "letter-z"} <= set(rows)


def test_music_is_for_all_languages(tmp_path: Path) -> None:
    own = folder(tmp_path, "music.mp3")
    assert parse({**LEAST, "voice": {"prompts": str(own)}}).engine.recordings[0] == str(own)
    folder(tmp_path, "de/music.mp3")
    remedy = f"is in a language; music is for all: move it to {tmp_path}"
    assert problems(tmp_path) == [f"voice.prompts: {tmp_path}/de/music.mp3 {remedy}"]


@pytest.mark.parametrize(
    ("voice", "trunk", "heard"),
    [
        ({}, {}, "music"),
        ({"waiting": "tone"}, {}, "tone"),
        ({"waiting": "tone"}, {"waiting": "music"}, "music"),
        ({}, {"waiting": "silence"}, "silence"),
    ],
)
def test_what_is_heard_while_waiting_is_the_trunk_s_choice_or_that_for_all(
    voice: dict[str, str], trunk: dict[str, str], heard: str
) -> None:
    user = {"name": "ann", "password": "secret-enough"}
    trunks = [{**LEAST["trunk"][0], **trunk}]
    config = parse({**LEAST, "trunk": trunks, "voice": voice, "user": [user]})
    assert config.trunks[0].waiting == heard
    assert config.accounts[0].trunk.waiting == voice.get("waiting", "music")

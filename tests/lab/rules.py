"""The lab's list of rules: what each demands, where it is tested, and by which wrong client.

A rule's number is what a `Violation` names. Those without a wrong client say what the lab does:
there is nothing in them that a client could do wrong.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """What a rule is about; tests as `folder/module::function`."""

    words: str
    tests: tuple[str, ...]
    wrong: tuple[str, ...] = ()


def named(module: str, *functions: str) -> tuple[str, ...]:
    return tuple(f"{module}::test_{function}" for function in functions)


RULES = {
    1: Rule(
        "only the right logins succeed",
        named("lab/xmpp_session", "only_anonymous_logins_are_offered_on_the_main_domain"),
        named("lab/xmpp_session", "another_mechanism_is_refused_on_the_main_domain")
        + named("lab/xmpp_server", "a_web_socket_that_does_not_want_xmpp_is_none"),
    ),
    2: Rule(
        "names and resources are the server's, and XEP-0198 is answered",
        named(
            "lab/xmpp_session", "an_anonymous_user_gets_a_random_name_and_a_resource_of_the_servers"
        ),
        named("lab/xmpp_session", "a_client_that_never_acknowledges_is_thrown_out"),
    ),
    3: Rule(
        "slow reading, pings, spaces, unknown requests and messages are borne",
        named("lab/xmpp_server", "reading_can_be_throttled", "a_client_can_be_asked_everything")
        + named("lab/nuisances", "a_client_is_bothered_in_every_way"),
        named("lab/nuisances", "wrong_answers_are_noted", "missing_answers_are_noted"),
    ),
    4: Rule(
        "no room before the conference was asked for",
        named("lab/focus_allocation", "the_focus_is_in_the_room_before_it_says_ready")
        + named("lab/breakout_rooms", "a_room_that_nobody_has_made_cannot_be_entered"),
        named("lab/muc", "a_room_cannot_be_joined_before_the_focus_is_in_it"),
    ),
    5: Rule(
        "a conference request without a room is lost",
        (),
        named("lab/focus_allocation", "a_request_without_a_room_is_never_answered"),
    ),
    6: Rule(
        "a conference request may be answered in every way",
        named(
            "lab/focus_allocation",
            "the_focus_may_not_be_ready_at_once",
            "a_guest_waits_for_the_host",
            "a_reservation_can_forbid_the_conference",
            "the_focus_may_refuse",
            "a_slow_focus_answers_after_ten_seconds",
            "an_answer_may_never_come",
        )
        + named(
            "behaviour/coming_in",
            "a_conference_that_is_not_ready_at_once_is_joined_all_the_same",
            "a_room_that_is_reserved_for_others_refuses_a_phone",
            "waiting_for_host_a_phone_is_let_in_when_the_host_has_come",
        ),
        named(
            "lab/focus_allocation",
            "a_request_without_the_machines_id_is_noted",
            "a_session_can_become_invalid_and_must_then_be_dropped",
        ),
    ),
    7: Rule(
        "nobody asks to be a visitor",
        (),
        named("lab/focus_allocation", "a_wish_to_be_a_visitor_is_noted"),
    ),
    8: Rule(
        "a nick is the start of the user name, of the right characters, and stays",
        named("lab/muc", "any_legal_nick_will_do_where_the_server_is_not_strict"),
        named(
            "lab/muc",
            "a_nick_of_other_characters_is_refused",
            "a_nick_that_is_not_the_start_of_the_user_name_is_refused",
            "a_nick_cannot_be_changed",
        )
        + named("lab/lobby", "to_knock_is_to_join_and_under_ones_own_nick"),
    ),
    9: Rule(
        "a room is joined once",
        named("lab/muc", "others_see_newcomers_changes_and_leavers"),
        named(
            "lab/muc", "joining_again_in_a_later_presence_breaks_a_rule_and_brings_everything_again"
        )
        + named("lab/lobby", "knocking_again_breaks_a_rule_and_is_answered_again"),
    ),
    10: Rule(
        "passwords, lobbies, full rooms and taken nicks",
        named(
            "lab/lobby",
            "who_is_no_member_is_sent_to_the_lobby_in_both_forms",
            "a_moderator_wants_to_know_who_knocks",
            "who_is_let_in_is_invited_and_may_join",
            "who_is_not_let_in_is_thrown_out_and_may_not_knock_again",
            "when_the_lobby_is_switched_off_who_waits_is_sent_to_the_room",
            "when_the_meeting_ends_who_waits_is_sent_nowhere",
            "a_password_bypasses_the_lobby_and_makes_a_member",
            "who_waits_for_a_host_is_told_so_and_needs_no_name",
        )
        + named("lab/muc", "a_taken_nick_is_a_conflict", "a_full_room_is_refused")
        + named("lab/muc", "a_room_with_a_password_wants_it")
        + named(
            "behaviour/coming_in",
            "password_room_a_phone_comes_in_with_the_right_password_only",
            "lobby_approved_a_phone_waits_and_is_let_in",
            "lobby_denied_a_phone_is_told_that_it_is_not_let_in",
            "lobby_disabled_a_phone_that_waits_comes_in",
            "lobby_ended_a_phone_that_waits_learns_that_the_meeting_is_over",
            "lobby_password_a_phone_that_knows_it_need_not_knock",
        ),
        named(
            "lab/lobby",
            "who_stays_in_the_lobby_after_it_was_let_in_breaks_a_rule",
            "who_is_not_let_in_is_thrown_out_and_may_not_knock_again",
            "a_wrong_password_is_wrong_for_a_member_too",
            "a_conference_is_not_asked_for_in_a_lobby",
        ),
    ),
    11: Rule(
        "what comes on joining comes in Prosody's order",
        named(
            "lab/muc",
            "what_arrives_on_joining_comes_in_prosodys_order",
            "the_first_who_comes_is_made_owner_in_a_second_presence_of_its_own",
        ),
    ),
    12: Rule(
        "capabilities are told, and are those of a phone",
        named("lab/focus_rules", "capabilities_are_asked_for_by_node_and_hash"),
        named(
            "lab/focus_rules",
            "features_a_phone_must_or_must_not_have_are_noted",
            "a_hash_of_something_else_is_noted",
            "who_does_not_tell_its_features_is_taken_for_a_browser_with_video",
        ),
    ),
    13: Rule(
        "presences name the source and whether it is muted, the first one a phone",
        named("lab/focus_rules", "a_right_client_breaks_no_rule"),
        named(
            "lab/focus_rules",
            "a_first_presence_that_lacks_something_is_noted",
            "later_presences_are_looked_at_as_well",
        )
        + named("lab/muc", "whose_token_it_is_nobody_but_the_server_says"),
    ),
    14: Rule(
        "being removed (307, 301, 322, 332, the end) or sent elsewhere; the focus goes and comes",
        named(
            "lab/muc",
            "the_kicked_are_told_by_whom_and_why",
            "the_banned_cannot_come_back",
            "who_is_no_member_is_thrown_out_of_a_members_only_room_and_sent_to_the_lobby",
            "a_server_that_restarts_says_so",
            "the_end_of_a_room_says_why_and_where_to_go",
            "changes_of_the_room_are_announced",
            "the_focus_leaves_and_comes_back",
        )
        + named(
            "lab/components", "rule_14_a_moderator_ends_the_meeting_for_all_and_nobody_else_does"
        )
        + named("lab/lab", "banned_it_does_not_come_back", "it_survives_a_change_of_the_focus")
        + named(
            "behaviour/endings",
            "a_kicked_caller_is_hung_up_with_a_reason",
            "the_end_of_the_meeting_ends_the_call",
        )
        + named("behaviour/coming_in", "lobby_opened_a_phone_that_is_put_out_knocks_and_comes_back")
        + named(
            "behaviour/scenarios",
            "moved_meeting_a_phone_goes_along_to_the_room_it_is_sent_to",
            "server_restarted_a_phone_comes_back_to_the_room",
            "breakout_room_a_phone_is_sent_there_and_back",
            "breakout_room_a_phone_comes_back_when_it_is_closed",
        ),
        named(
            "lab/breakout_rooms",
            "who_does_not_go_breaks_the_rule",
            "who_goes_without_saying_that_it_goes_elsewhere_breaks_the_rule",
        ),
    ),
    15: Rule(
        "who is muted answers within a second, says so, and is silent",
        named("lab/focus_rules", "who_is_muted_answers_says_so_and_is_silent")
        + named(
            "behaviour/scenarios",
            "muted_by_moderator_a_phone_is_silent_until_its_caller_unmutes",
        ),
        named(
            "lab/focus_rules",
            "an_order_to_mute_must_be_answered_within_a_second",
            "the_muted_must_say_so",
            "the_muted_must_stop_sending",
        ),
    ),
    16: Rule(
        "while audio is moderated, who is not approved is silent; who speaks again asks the focus",
        named(
            "lab/av_moderation",
            "all_are_told_and_muted_by_the_focus_itself",
            "who_comes_later_is_told_and_starts_muted_and_held",
            "the_approved_may_speak_once_they_have_asked_the_focus",
            "when_it_is_over_everybody_may_unmute",
        )
        + named(
            "behaviour/scenarios",
            "av_moderation_a_phone_speaks_only_while_a_moderator_approves_of_it",
            "av_moderation_a_phone_that_comes_later_starts_muted",
        ),
        named(
            "lab/av_moderation",
            "who_does_not_mute_breaks_the_rule",
            "unmuting_before_approval_breaks_the_rule",
            "asking_to_be_heard_before_approval_is_refused",
            "sending_audio_before_approval_breaks_the_rule_however_late",
            "who_speaks_again_without_asking_the_focus_breaks_the_rule",
            "an_approval_that_is_taken_back_has_to_be_followed",
        ),
    ),
    17: Rule(
        "at most 4 presences and 10 requests a second",
        named("lab/xmpp_session", "a_client_may_go_on_for_long_at_a_moderate_pace"),
        named("lab/xmpp_session", "a_client_that_floods_is_noted")
        + named("lab/focus_rules", "too_many_stanzas_in_a_second_are_noted_once"),
    ),
    18: Rule(
        "a recording is pending, on, off, in each presence of the focus",
        named(
            "lab/recording",
            "a_recording_goes_through_its_states",
            "the_state_is_repeated_in_each_presence_and_told_to_who_comes_later",
            "a_recording_may_fail",
        )
        + named(
            "behaviour/scenarios",
            "recording_a_phone_talks_on_while_a_recorder_comes_and_goes",
        ),
    ),
    19: Rule(
        "the offer is Jicofo's, and comes when there are two",
        named(
            "lab/focus_offers",
            "nobody_alone_is_offered_a_session",
            "an_offer_has_jicofos_peculiarities",
        )
        + named("lab/traces_fit", "the_offer"),
    ),
    20: Rule(
        "an offer is acknowledged at once",
        (),
        named(
            "lab/focus_offers",
            "an_offer_must_be_acknowledged_within_fifteen_seconds",
            "accepting_does_not_replace_acknowledging",
            "an_offer_that_is_answered_with_an_error_ends_the_session",
        ),
    ),
    21: Rule(
        "an answer fits the offer",
        named("lab/focus_answers", "what_a_right_answer_says_reaches_the_bridge"),
        named(
            "lab/focus_answers",
            "impossible_sources_are_refused_and_the_session_is_over",
            "a_transport_the_bridge_cannot_use_is_noted_and_never_connects",
            "an_answer_that_does_not_fit_the_offer_is_noted",
            "a_session_is_accepted_once",
        ),
    ),
    22: Rule(
        "a source-add in JSON has no effect",
        (),
        named("lab/focus_sources", "a_source_add_in_json_has_no_effect"),
    ),
    23: Rule(
        "what Jicofo ignores is not answered",
        (),
        named("lab/focus_sources", "what_jicofo_ignores_is_not_answered"),
    ),
    24: Rule(
        "an unknown session is a bad request",
        (),
        named("lab/focus_sources", "an_unknown_session_is_a_bad_request"),
    ),
    25: Rule(
        "errors echo what was refused",
        named("lab/focus_answers", "impossible_sources_are_refused_and_the_session_is_over"),
    ),
    26: Rule(
        "a terminate names the bridge session",
        named("lab/focus_sessions", "a_terminate_ends_the_session_and_no_other_follows"),
        named("lab/focus_sessions", "a_terminate_must_name_the_bridge_session"),
    ),
    27: Rule(
        "restarts are granted seldom",
        named("lab/focus_sessions", "a_restart_brings_another_session_and_tells_the_others"),
        named(
            "lab/focus_sessions",
            "a_second_restart_within_five_seconds_is_refused_and_nothing_more_comes",
            "the_sixth_restart_in_a_minute_is_refused",
        ),
    ),
    28: Rule(
        "nobody tells that ICE has failed",
        (),
        named(
            "lab/focus_sessions",
            "telling_of_failed_ice_leads_nowhere",
            "telling_of_failed_ice_is_wrong_whichever_session_it_names",
        ),
    ),
    29: Rule(
        "sources come early, twice, and of strangers; who leaves is not removed",
        named(
            "lab/focus_sources",
            "sources_may_come_early_twice_and_of_strangers",
            "who_leaves_is_not_removed_by_a_source_remove",
        ),
    ),
    30: Rule(
        "sessions expire, move, and are replaced",
        named(
            "lab/focus_sessions",
            "who_stays_alone_for_twenty_seconds_loses_the_session_and_gets_another_with_company",
            "moving_ends_the_session_and_offers_another",
            "a_session_can_be_replaced_without_a_word",
        )
        + named("lab/lab", "it_takes_another_session")
        + named("behaviour/scenarios", "bridge_killed_a_phone_talks_again_when_a_bridge_is_back"),
        named("lab/bridge_rules", "who_sends_by_the_endpoint_it_had_before_as_well_is_blamed"),
    ),
    31: Rule(
        "who is to start muted is muted",
        named("lab/focus_rules", "starting_muted_is_right")
        + named("behaviour/scenarios", "start_muted_a_phone_is_silent_until_its_caller_unmutes"),
        named("lab/focus_rules", "who_is_to_start_muted_must_be"),
    ),
    32: Rule(
        "a connection past the bridge is declined",
        named("lab/direct_offer", "declining_is_right")
        + named("behaviour/troubles", "a_phone_survives_one_trouble_after_the_other"),
        named(
            "lab/direct_offer",
            "saying_nothing_is_noted",
            "declining_without_acknowledging_is_noted",
        ),
    ),
    33: Rule(
        "ICE: the bridge controls, learns addresses, and asks for consent",
        named(
            "lab/bridge_rules",
            "rule_33_the_bridge_is_controlling_and_learns_the_address_from_the_checks",
        ),
        named(
            "lab/bridge_rules",
            "rule_33_a_check_that_is_not_authentic_is_ignored",
            "rule_33_once_it_has_chosen_an_address_checks_from_others_are_forbidden",
            "rule_33_consent_is_asked_for_the_whole_call_and_its_loss_ends_the_endpoint",
        ),
    ),
    34: Rule(
        "DTLS with the certificate that was told, and not an RSA one",
        named("lab/bridge_rules", "rule_34_both_dtls_roles_work"),
        named(
            "lab/bridge_rules",
            "rule_34_a_fingerprint_that_does_not_match_fails",
            "rule_34_an_rsa_certificate_fails",
        ),
    ),
    35: Rule(
        "audio that was not agreed on is dropped",
        named(
            "lab/bridge_rules",
            "rule_35_silence_is_discarded_from_the_fifth_packet_on_and_masked",
            "rule_35_who_is_force_muted_is_not_heard",
        ),
        named("lab/bridge_rules", "rule_35_audio_that_was_not_agreed_on_is_a_violation"),
    ),
    36: Rule(
        "audio is forwarded as the bridge does, with faults if wanted",
        named(
            "lab/bridge_rules",
            "rule_36_other_extensions_are_stripped_and_real_losses_stay",
            "rule_36_faults_are_the_same_for_the_same_seed",
        ),
    ),
    37: Rule(
        "RTCP: reports, retransmission, and a sender's own",
        named("lab/bridge_rules", "rule_37_the_bridge_reports_twice_a_second_from_its_own_ssrc"),
        named(
            "lab/bridge_rules",
            "rule_37_who_sends_must_report_within_five_seconds",
            "rule_37_a_report_of_another_source_is_none",
        ),
    ),
    38: Rule(
        "audio flows without a bridge channel",
        named("behaviour/call", "a_phone_and_three_speakers_hear_exactly_each_other"),
        named("lab/colibri_socket", "what_is_no_colibri_message_is_blamed"),
    ),
    39: Rule(
        "an endpoint without traffic expires",
        (),
        named(
            "lab/bridge_rules",
            "an_endpoint_without_a_sign_of_life_is_inactive_and_later_expires",
        ),
    ),
    40: Rule(
        "who waits in the brewery is an account, and says in each presence how busy it is",
        named("lab/focus_brewery", "the_least_busy_of_the_region_is_chosen"),
        named(
            "lab/focus_brewery",
            "a_gateway_that_does_not_say_how_busy_it_is_is_blamed",
            "guests_do_not_get_into_the_brewery",
        ),
    ),
    41: Rule(
        "an order to dial is answered in time, with somebody who is in the room or its lobby",
        named("lab/focus_dialling", "what_the_gateway_answers_comes_back"),
        named(
            "lab/focus_dialling",
            "a_reference_that_leads_to_nobody_is_blamed",
            "a_gateway_that_does_not_answer_is_blamed",
        ),
    ),
    42: Rule(
        "an owner locks, lets in, mutes, records and ends; nobody else does",
        named(
            "lab/owners",
            "a_password_is_set_and_taken_away_and_all_are_told_that_something_has_changed",
            "an_owner_sees_who_waits_and_is_not_seen",
            "several_are_let_in_by_one_message",
            "a_form_that_does_not_speak_of_members_closes_the_lobby",
            "an_owner_ends_the_room",
            "an_owner_mutes_somebody_and_nobody_else_does",
            "an_owner_has_the_meeting_recorded_and_stops_that",
        )
        + named("behaviour/moderator", "a_moderator_by_phone_locks_lets_in_mutes_and_ends"),
        named(
            "lab/owners",
            "nobody_but_an_owner_changes_who_comes_in_or_ends_the_room",
            "who_is_no_member_when_the_lobby_opens_is_put_out",
            "who_is_no_owner_lets_nobody_in",
            "a_form_that_is_none_is_a_bad_request",
        ),
    ),
}

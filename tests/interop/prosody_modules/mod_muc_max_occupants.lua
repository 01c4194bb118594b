-- What Jitsi's module of that name does: a room is full at so many occupants. Stock Prosody has no
-- such limit.
local st = require "util.stanza";
local most = module:get_option_number("muc_max_occupants");

module:hook("muc-occupant-pre-join", function (event)
	local count = 0;
	for _ in event.room:each_occupant() do count = count + 1; end
	if count >= most then
		event.origin.send(st.error_reply(event.stanza, "cancel", "service-unavailable"));
		return true;
	end
end, 10);

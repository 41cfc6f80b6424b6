"""What an engineer wants to know first of a log: cases, variants, handoffs, repeats, delays, loops. See
`profile.profile_log`."""

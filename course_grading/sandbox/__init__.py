"""Where strangers' code runs: `host` makes the box, `protocol` talks to what runs in it, `guest` is what lies in it."""

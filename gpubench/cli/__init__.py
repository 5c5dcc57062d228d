"""The command line: arguments in, exit status out; one thin file per command."""

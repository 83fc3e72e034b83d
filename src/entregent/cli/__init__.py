"""The command line: English, one command a file, each loaded when it is called."""

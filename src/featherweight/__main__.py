"""`python -m featherweight`: the command line without the console script."""

from featherweight.cli.main import main

main()

"""``python -m semspace``: the command line."""

import sys

from semspace.cli import main

sys.exit(main())

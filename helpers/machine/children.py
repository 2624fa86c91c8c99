"""What a child process may know: the part of the environment it needs, and none of our secrets."""

from __future__ import annotations

import os
import re

from ..errors import is_secret_name

# What any program needs to be found, to find its libraries and to speak UTF-8.
_NEEDED = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_.+|TZ|TMPDIR|TEMP|TMP|TERM|LD_LIBRARY_PATH|DYLD_.+|XDG_.+|VIRTUAL_ENV|"
    r"CONDA_PREFIX|PYTHON.+|SYSTEMROOT|WINDIR|COMSPEC|PATHEXT|USERPROFILE|APPDATA|LOCALAPPDATA|PROGRAMDATA",
    re.IGNORECASE,
)
_NETWORK = re.compile(r"(HTTPS?|FTP|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE", re.IGNORECASE)


def bare_environment(*prefixes: str, network: bool = False) -> dict[str, str]:
    """The environment for a child process: what every program needs, and the variables that begin with ``prefixes``.

    A variable whose name says that it holds a secret never passes; who means to hand one on adds it by hand.
    ``network``: proxies and certificates too.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if not is_secret_name(name)
        and (_NEEDED.fullmatch(name) or name.startswith(prefixes) or (network and _NETWORK.fullmatch(name)))
    }

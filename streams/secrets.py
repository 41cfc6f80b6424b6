"""Secrets from the environment: in a variable, or in a file that `<variable>_FILE` names (Docker and Kubernetes mount
secrets as files). The variable stands above the file. Nothing here prints them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from schemas.moments import Text
from streams.errors import StreamsError
from streams.exit_codes import USAGE


class SecretUnreadable(StreamsError):
    """The file that should hold a secret cannot be read, or holds none."""

    exit_code = USAGE

    def __init__(self, variable: str, path: Path, reason: Text) -> None:
        super().__init__(
            Text(
                zh=f"{variable} 指向的 {path} {reason.zh}。请检查路径与权限。",
                en=f"{path}, named in {variable}, {reason.en}. Check the path and its rights.",
            )
        )


def secret_of(environment: Mapping[str, str], name: str) -> str:
    """The secret `name`, '' when neither the variable nor its file is set. Raises SecretUnreadable."""
    if given := environment.get(name):
        return given
    variable = f"{name}_FILE"
    if not (named := environment.get(variable)):
        return ""
    path = Path(named)
    try:
        secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as fault:
        why = getattr(fault, "strerror", None) or "UTF-8?"
        raise SecretUnreadable(variable, path, Text(zh=f"无法读取（{why}）", en=f"cannot be read ({why})")) from fault
    if not secret:
        raise SecretUnreadable(variable, path, Text(zh="是空的", en="is empty"))
    return secret

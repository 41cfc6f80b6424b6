"""A certificate authority of our own, made with openssl: what a company has that runs its own brokers."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Authority:
    """Its key and certificate live in `folder`; `certificate` is what clients trust."""

    def __init__(self, folder: Path, name: str = "mot test authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self._key)
        _openssl(
            *("req", "-x509", "-new", "-key", self._key, "-days", "30", "-subj", f"/CN={name}"),
            *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-out", self.certificate),
        )

    def issue(self, folder: Path, address: str) -> Path:
        """One PEM file with key and certificate chain for a server at the IP `address`."""
        key, request, certificate, names, store = (
            folder / name for name in ("server.key", "server.csr", "server.pem", "server.ext", "server-store.pem")
        )
        _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key)
        _openssl("req", "-new", "-key", key, "-subj", f"/CN={address}", "-out", request)
        names.write_text(
            f"subjectAltName=IP:{address}\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\n"
            "extendedKeyUsage=serverAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        )
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial"),
            *("-days", "30", "-extfile", names, "-out", certificate),
        )
        store.write_text(key.read_text() + certificate.read_text() + self.certificate.read_text())
        return store


def _openssl(*words: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {words[0]} failed: {done.stderr}")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Certificates for tests: authorities, servers, clients, made by certtool.

    pki = Pki(folder)                    one authority ("Lab CA") and keys that all certificates share
    pki.server(), pki.client()           a certificate: Cert(cert, key), with what is asked for wrong in it
    pki.client_folder(...)               a folder for pkipath=: cacert.pem, clientcert.pem, clientkey.pem
    pki.server_conf(...)                 settings of libvirtd.conf
    pki.fingerprint(cert)                for tls_fingerprint=

Keys of servers and clients are RSA with both usages: the incumbent insists on key encipherment, which ECDSA has not.
"""
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

EXPIRED = ('activation_date = "2020-01-01 00:00:00"', 'expiration_date = "2021-01-01 00:00:00"')
NOT_YET = ('activation_date = "2090-01-01 00:00:00"', 'expiration_date = "2091-01-01 00:00:00"')
SOON = ("expiration_days = 3",)
FOR_LONG = ("expiration_days = 3650",)


class Cert(NamedTuple):
    cert: Path
    key: Path


def certtool(*argv):
    done = subprocess.run(["certtool", *map(str, argv)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"certtool {argv}: {done.stderr}"
    return done.stdout


class Pki:
    def __init__(self, folder):
        if not shutil.which("certtool"):
            pytest.skip("no certtool on this machine")
        self.dir = Path(folder)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.dir.chmod(0o755)
        self.count = 0
        self.leaf_key = self.dir / "leaf-key.pem"
        certtool("--generate-privkey", "--key-type=rsa", "--bits=2048", "--outfile", self.leaf_key)
        self.ca = self.authority("Lab CA")

    def fresh(self, what):
        self.count += 1
        return self.dir / f"{self.count}-{what}"

    def _template(self, *lines):
        path = self.fresh("template")
        path.write_text("\n".join(lines) + "\n")
        return path

    def authority(self, name, dates=FOR_LONG, ca=None):
        """Signed by itself, or by `ca`."""
        cert = Cert(self.fresh("cacert.pem"), self.fresh("cakey.pem"))
        certtool("--generate-privkey", "--key-type=ecdsa", "--curve=secp256r1", "--outfile", cert.key)
        signed = ["--generate-certificate", "--load-ca-certificate", ca.cert, "--load-ca-privkey", ca.key] if ca else \
            ["--generate-self-signed"]
        certtool(*signed, "--load-privkey", cert.key, "--outfile", cert.cert, "--template",
                 self._template(f"cn = {name}", "ca", "cert_signing_key", "crl_signing_key", *dates))
        return cert

    def issue(self, *lines, ca=None, dates=FOR_LONG):
        ca = ca or self.ca
        cert = Cert(self.fresh("cert.pem"), self.leaf_key)
        certtool("--generate-certificate", "--load-privkey", cert.key, "--load-ca-certificate", ca.cert, "--load-ca-privkey",
                 ca.key, "--outfile", cert.cert, "--template", self._template("organization = Lab", *lines, *dates))
        return cert

    def server(self, cn="localhost", names=("localhost",), ips=("127.0.0.1",), purpose="tls_www_server", **how):
        return self.issue(f"cn = {cn}", *(f"dns_name = {n}" for n in names), *(f"ip_address = {i}" for i in ips), purpose,
                          "signing_key", "encryption_key", **how)

    def client(self, cn="client1", purpose="tls_www_client", **how):
        return self.issue(f"cn = {cn}", purpose, "signing_key", "encryption_key", **how)

    def critical(self, purpose, name="localhost"):
        """A certificate whose extended key usage ("clientAuth", "serverAuth") is critical; certtool has no words for it."""
        cert = Cert(self.fresh("cert.pem"), self.leaf_key)
        request, extensions = self.fresh("request.pem"), self._template(
            f"extendedKeyUsage=critical,{purpose}", f"subjectAltName=DNS:{name}", "keyUsage=critical,digitalSignature,keyEncipherment")
        for argv in (["req", "-new", "-key", cert.key, "-subj", f"/O=Lab/CN={name}", "-out", request],
                     ["x509", "-req", "-in", request, "-CA", self.ca.cert, "-CAkey", self.ca.key, "-days", "30", "-extfile",
                      extensions, "-out", cert.cert]):
            subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True, timeout=120)
        return cert

    def crl(self, *revoked, ca=None):
        """A list of revoked certificates; empty without any."""
        ca = ca or self.ca
        path = self.fresh("crl.pem")
        given = self.fresh("revoked.pem")
        given.write_text("".join(r.cert.read_text() for r in revoked))
        certtool("--generate-crl", "--load-ca-privkey", ca.key, "--load-ca-certificate", ca.cert, "--outfile", path, "--template",
                 self._template("crl_next_update = 3650", "crl_number = 1"), *(["--load-certificate", given] if revoked else []))
        return path

    def client_folder(self, client=None, ca=None, crl=None, path=None, without=()):
        """client: Cert or None for a good one; without: names of files to leave out."""
        path = path or self.fresh("pki")
        path.mkdir(parents=True, exist_ok=True)
        client = client or self.good_client
        files = {"cacert.pem": (ca or self.ca).cert, "clientcert.pem": client.cert, "clientkey.pem": client.key,
                 "cacrl.pem": crl}
        for name, source in files.items():
            if source and name not in without:
                shutil.copy(source, path / name)
                (path / name).chmod(0o644)
        return path

    def chain(self, cert, *authorities):
        """The same with the certificates of those between it and the root behind it."""
        path = self.fresh("chain.pem")
        path.write_text("".join(c.cert.read_text() for c in (cert, *authorities)))
        return Cert(path, cert.key)

    @property
    def good_client(self):
        if not hasattr(self, "_client"):
            self._client = self.client()
        return self._client

    @property
    def good_server(self):
        if not hasattr(self, "_server"):
            self._server = self.server()
        return self._server

    def server_conf(self, server=None, ca=None, port=16514, **more):
        server = server or self.good_server
        return {"listen_tls": 1, "tls_port": str(port), "cert_file": str(server.cert), "key_file": str(server.key),
                "ca_file": str((ca or self.ca).cert), **more}

    @staticmethod
    def fingerprint(cert):
        der = subprocess.run(["certtool", "--certificate-info", "--infile", cert.cert, "--outder"], capture_output=True,
                             check=True, timeout=120).stdout
        import hashlib
        return hashlib.sha256(der).hexdigest()

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture(scope="session")
def pki():
    lab = Pki(tempfile.mkdtemp(prefix="flpki"))
    yield lab
    lab.close()

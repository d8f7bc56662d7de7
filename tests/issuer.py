"""An OpenID Connect issuer of the tests' own: a local HTTP server with real keys."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

AUDIENCE = "portico-tests"


class TestIssuer:
    """`sign` makes a token; `rotate` gives the issuer other keys; `asked` counts fetches of the keys."""

    __test__ = False

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {}
        self.asked = 0
        self._made = 0
        self.rotate()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(issuer.answer(self.path)).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, path: str) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.asked += 1
        return {"keys": [key.as_dict(private=False) for key in self.keys.values()]}

    def rotate(self) -> None:
        self._made += 1
        self.keys = {
            "RS256": RSAKey.generate_key(2048, {"kid": f"rsa{self._made}"}),
            "ES256": ECKey.generate_key("P-256", {"kid": f"ec{self._made}"}),
            "Ed25519": OKPKey.generate_key("Ed25519", {"kid": f"ed{self._made}"}),
        }
        self.keys["PS256"] = self.keys["RS256"]

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Of a good token; None takes a claim out."""
        now = int(time.time())
        whole = {
            "iss": self.url, "aud": AUDIENCE, "sub": "s1", "email": "ida@corp.example", "email_verified": True,
            "given_name": "Ida", "family_name": "Corp", "iat": now, "exp": now + 600, **changes,
        }  # fmt: skip
        return {name: value for name, value in whole.items() if value is not None}

    def sign(self, algorithm: str = "RS256", **changes: Any) -> str:
        key = self.keys[algorithm]
        header = {"alg": algorithm, "kid": key.kid}
        return jwt.encode(header, self.claims(**changes), key, algorithms=[algorithm])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

"""A store that speaks S3, in this process (moto); boto3 makes its buckets and looks into them."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any, Self
from uuid import uuid4


class BucketServer:
    """`url` is its address; the keys are any."""

    access_key, secret_key = "the-access-key", "the-secret-key"

    def __enter__(self) -> Self:
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    @property
    def boto3(self) -> Any:
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
        )

    def make_bucket(self) -> str:
        """The address of a new bucket."""
        name = f"files-{uuid4()}"
        self.boto3.create_bucket(Bucket=name)
        return f"{self.url}/{name}"

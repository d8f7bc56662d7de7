"""What goes wrong has a class, and every message says what to do."""

from portico import ApiError, NotFound, Portico, PorticoError

with Portico() as client:
    try:
        client.chat.complete("local/no-such-model", "Hello")
    except NotFound as error:
        print(f"not found: {error.message} (request {error.request_id})")
    except ApiError as error:
        print(f"{error.status_code}: {error.errors}")

try:
    with Portico(api_key="wrong", base_url="http://127.0.0.1:9", connect_timeout_s=1, max_retries=0) as nobody:
        nobody.chat.complete("local/smollm2-135m-instruct", "Hello")
except PorticoError as error:
    print(f"{type(error).__name__}: {error.hint}")

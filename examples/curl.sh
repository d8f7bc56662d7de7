#!/bin/sh
# Chat, stream, embeddings and catalog with curl. Address and token: environment, or the local server's file.
set -eu

data=${DATA:-$(dirname "$0")/../.portico}
value() { sed -n "/^\[default\]/,/^\[organization\]/s/^$1 *= *//p" "$data/credentials"; }
GEAI_APITOKEN=${GEAI_API_KEY:-$(value GEAI_API_KEY)}
BASE_URL=${GEAI_API_BASE_URL:-$(value GEAI_API_BASE_URL)}
model=${PORTICO_MODEL:-local/smollm2-135m-instruct}

post() { # path, body
  curl -sSN --fail-with-body "$BASE_URL$1" \
    -H "Authorization: Bearer $GEAI_APITOKEN" -H 'Content-Type: application/json' -d "$2"
  echo
}

post /v1/chat/completions '{"model": "'"$model"'", "max_tokens": 20,
  "messages": [{"role": "user", "content": "Say hello."}]}'

post /v1/chat/completions '{"model": "'"$model"'", "max_tokens": 20, "stream": true,
  "messages": [{"role": "user", "content": "Count to three."}]}'

post /v1/embeddings '{"model": "local/all-minilm-l6-v2", "input": "a red chair", "encoding_format": "base64"}'

curl -sS --fail-with-body "$BASE_URL/v3/llm/providers/local/models?type=Chat&detail=Summary" \
  -H "Authorization: Bearer $GEAI_APITOKEN"
echo

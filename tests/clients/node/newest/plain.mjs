import { connect, MESSAGES, MODEL, report } from "./client.mjs";

const { data, response } = await connect()
  .chat.completions.create({ model: MODEL, messages: MESSAGES, max_tokens: 4 })
  .withResponse();
report({ answer: data, requestId: response.headers.get("x-request-id"), seenId: data._request_id });

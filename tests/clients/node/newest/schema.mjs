import { connect, MESSAGES, MODEL, report } from "./client.mjs";

const schema = {
  type: "object",
  properties: { ripe: { type: "boolean" } },
  required: ["ripe"],
  additionalProperties: false,
};
const completion = await connect().chat.completions.parse({
  model: MODEL,
  messages: MESSAGES,
  max_tokens: 400,
  response_format: { type: "json_schema", json_schema: { name: "fruit", strict: true, schema } },
});
report(JSON.parse(completion.choices[0].message.content));

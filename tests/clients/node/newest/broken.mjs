// An error after the first byte of a stream; then a stream that is left early.
import { connect, MESSAGES, MODEL, report } from "./client.mjs";

const client = connect();
let name = "none";
let message = "";
try {
  for await (const _ of await client.chat.completions.create({ model: MODEL, messages: MESSAGES, stream: true }));
} catch (error) {
  name = error.constructor.name;
  message = error.message;
}
const left = await client.chat.completions.create({ model: MODEL, messages: MESSAGES, stream: true });
for await (const _ of left) break;
report({ name, message });

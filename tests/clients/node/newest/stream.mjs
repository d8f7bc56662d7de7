import { connect, MESSAGES, MODEL, report } from "./client.mjs";

const stream = await connect().chat.completions.create({
  model: MODEL,
  messages: MESSAGES,
  max_tokens: 4,
  stream: true,
  stream_options: { include_usage: true },
});
let text = "";
let last;
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta?.content ?? "";
  last = chunk;
}
report({ text, usage: last.usage });

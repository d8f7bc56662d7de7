// A streamed tool call, put together by the SDK.
import { connect, MESSAGES, MODEL, report } from "./client.mjs";

const parameters = {
  type: "object",
  properties: { city: { type: "string", enum: ["Lima", "Quito"] } },
  required: ["city"],
  additionalProperties: false,
};
const stream = connect().chat.completions.stream({
  model: MODEL,
  messages: MESSAGES,
  max_tokens: 400,
  tools: [{ type: "function", function: { name: "get_weather", parameters } }],
  tool_choice: "required",
  parallel_tool_calls: false,
});
const completion = await stream.finalChatCompletion();
report(completion.choices[0]);

// Version 3 has no reader of streams; its users read the lines themselves, like this.
const { Configuration, OpenAIApi } = require("openai");

const basePath = process.env.BASE_URL + "/v1";
const openai = new OpenAIApi(new Configuration({ apiKey: process.env.TOKEN, basePath }));

async function main() {
  const messages = [{ role: "user", content: "Say hello." }];
  const body = { model: process.env.MODEL, messages, max_tokens: 4, stream: true };
  const response = await openai.createChatCompletion(body, { responseType: "stream" });
  let received = "";
  for await (const piece of response.data) received += piece;
  const events = received.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
  const done = events.pop();
  const text = events.map((event) => JSON.parse(event).choices[0]?.delta?.content ?? "").join("");
  console.log(JSON.stringify({ text, done }));
}
main();

const { Configuration, OpenAIApi } = require("openai");

const basePath = process.env.BASE_URL + (process.env.BASE_PATH ?? "/v1");
const openai = new OpenAIApi(new Configuration({ apiKey: process.env.TOKEN, basePath }));

async function main() {
  const body = { model: process.env.MODEL, messages: [{ role: "user", content: "Say hello." }], max_tokens: 4 };
  const { status, headers, data } = await openai.createChatCompletion(body);
  console.log(JSON.stringify({ status, requestId: headers["x-request-id"], answer: data }));
}
main();

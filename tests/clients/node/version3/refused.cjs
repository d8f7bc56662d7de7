const { Configuration, OpenAIApi } = require("openai");

const basePath = process.env.BASE_URL + "/v1";
const openai = new OpenAIApi(new Configuration({ apiKey: "geai_wrong", basePath }));

async function main() {
  try {
    await openai.createChatCompletion({ model: process.env.MODEL, messages: [{ role: "user", content: "x" }] });
  } catch (error) {
    console.log(JSON.stringify({ status: error.response.status, body: error.response.data }));
  }
}
main();

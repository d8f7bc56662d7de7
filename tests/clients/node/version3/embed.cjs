const { Configuration, OpenAIApi } = require("openai");

const basePath = process.env.BASE_URL + "/v1";
const openai = new OpenAIApi(new Configuration({ apiKey: process.env.TOKEN, basePath }));

async function main() {
  const { data } = await openai.createEmbedding({ model: process.env.MODEL, input: "a red chair" });
  console.log(JSON.stringify({ length: data.data[0].embedding.length, model: data.model }));
}
main();

// The sample of the Chat API page as printed; address, token and model are filled in from the environment.
const SAIA_APITOKEN = process.env.TOKEN;
const { Configuration, OpenAIApi } = require("openai");
const configuration = new Configuration({
apiKey: SAIA_APITOKEN,
basePath: process.env.BASE_URL + "/v1/chat/completions",
});
const openai = new OpenAIApi(configuration);
async function main() {
const chatCompletion = await openai.createChatCompletion({
model: process.env.MODEL,
messages: [{role: "user", content: "Hello world"}],
});
console.log(JSON.stringify(chatCompletion.data.choices[0].message));
}
main();

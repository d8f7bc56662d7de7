// Which class each refusal becomes, and what it carries.
import { connect, MESSAGES, MODEL, report } from "./client.mjs";

async function refusal(client, body) {
  try {
    await client.chat.completions.create({ model: MODEL, messages: MESSAGES, max_tokens: 2, ...body });
  } catch (error) {
    const { status, code, param, type, requestID } = error;
    return { name: error.constructor.name, status, code, param, type, hasId: Boolean(requestID) };
  }
  return { name: "none" };
}

const client = connect();
report({
  wrongToken: await refusal(connect({ apiKey: "geai_wrong" }), {}),
  organization: await refusal(connect({ apiKey: process.env.ORGANIZATION_TOKEN }), {}),
  unknownModel: await refusal(client, { model: "local/no-such-model" }),
  temperature: await refusal(client, { temperature: 3 }),
});

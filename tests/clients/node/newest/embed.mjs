// Without encoding_format the SDK asks for base64 and decodes it.
import { connect, MODEL, report } from "./client.mjs";

const client = connect();
const packed = await client.embeddings.create({ model: MODEL, input: ["a red chair", "a blue chair"] });
const plain = await client.embeddings.create({ model: MODEL, input: "a red chair", encoding_format: "float" });
report({ packed: packed.data.map((item) => item.embedding), plain: plain.data[0].embedding, usage: packed.usage });

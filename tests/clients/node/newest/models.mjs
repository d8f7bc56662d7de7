import { connect, MODEL, report } from "./client.mjs";

const client = connect();
const listed = [];
for await (const model of client.models.list()) listed.push(model.id);
report({ listed, one: await client.models.retrieve(MODEL) });

// The SDK as its users make it. The address and the token come from the environment.
import OpenAI from "openai";

export const MESSAGES = [{ role: "user", content: "Say hello." }];
export const MODEL = process.env.MODEL;

export function connect(options = {}) {
  return new OpenAI({
    apiKey: process.env.TOKEN,
    baseURL: process.env.BASE_URL + (process.env.BASE_PATH ?? "/v1"),
    maxRetries: 0,
    timeout: 60_000,
    ...options,
  });
}

export function report(value) {
  console.log(JSON.stringify(value));
}

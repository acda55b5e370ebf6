// Signs requests to a Baton relay, so that the key itself never travels.
//
//   import Anthropic from "@anthropic-ai/sdk";
//   import { signedFetch } from "./baton_sign.ts";
//   const client = new Anthropic({ baseURL: "https://relay.example", apiKey: "unused",
//                                  fetch: signedFetch(process.env.BATON_SIGNING_KEY!) });
//
// Every attempt is signed anew, the SDK's own repetitions too. Needs Node 18; no dependency. From a shell:
//
//   node baton_sign.ts POST https://relay.example/v1/messages body.json     prints the fields, a line each
import { createHash, createHmac, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { argv, env, exit } from "node:process";
import { pathToFileURL } from "node:url";

export interface ToSign {
  method: string;
  url: string;
  body?: Uint8Array | string;
  contentEncoding?: string;
  time?: string;
  nonce?: string;
}

/** The fields to send with this request. `key` is what `baton keys create NAME --signing` printed. */
export function signatureFields(key: string, request: ToSign): Record<string, string> {
  const [prefix, id, secret] = key.trim().split("-");
  if (prefix !== "bs" || secret === undefined || secret.length !== 64) {
    throw new Error("this is no signing key: bs-, 16 characters, a hyphen and 64 characters are expected");
  }
  const url = new URL(request.url);
  const time = request.time || new Date().toISOString();
  const nonce = request.nonce || randomUUID();
  const digest = createHash("sha256").update(request.body ?? "").digest("hex");
  const signed = [`key_${id}`, request.method.toUpperCase(), url.host, url.pathname + url.search,
                  request.contentEncoding ?? "", digest, time, nonce];
  const text = "baton-signature-v1\n" + signed.map((part) => `${Buffer.byteLength(part)}:${part}\n`).join("");
  return {
    "baton-signature-key": `key_${id}`,
    "baton-signature-time": time,
    "baton-signature-nonce": nonce,
    "baton-signature-body": digest,
    "baton-signature": createHmac("sha256", secret).update(text).digest("hex"),
  };
}

/** A fetch that signs: reads the body once, takes the vendor's credential fields away, sends. */
export function signedFetch(key: string, send: typeof fetch = fetch): typeof fetch {
  const signed = async (...[input, init]: Parameters<typeof fetch>): Promise<Response> => {
    const request = new Request(input, init);
    const body = new Uint8Array(await request.arrayBuffer());
    const headers = new Headers(request.headers);
    headers.delete("x-api-key");
    headers.delete("authorization");
    const fields = signatureFields(key, { method: request.method, url: request.url, body,
                                          contentEncoding: headers.get("content-encoding") ?? "" });
    for (const [name, value] of Object.entries(fields)) headers.set(name, value);
    return send(request.url, { method: request.method, headers, body: body.length > 0 ? body : undefined,
                               signal: request.signal, redirect: "error" });
  };
  return signed as typeof fetch;
}

function main(): void {
  const [method, url, file] = argv.slice(2);
  if (method === undefined || url === undefined || env.BATON_SIGNING_KEY === undefined) {
    console.error("usage: BATON_SIGNING_KEY=bs-... baton_sign METHOD URL [BODY-FILE]");
    exit(2);
  }
  const fields = signatureFields(env.BATON_SIGNING_KEY, {
    method, url, body: file === undefined ? "" : readFileSync(file), contentEncoding: env.BATON_CONTENT_ENCODING,
    time: env.BATON_SIGNATURE_TIME, nonce: env.BATON_SIGNATURE_NONCE });
  for (const [name, value] of Object.entries(fields)) console.log(`${name}: ${value}`);
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) main();

// scenarios.mjs SDK BASE_URL KEY NAME...: runs each named scenario with one of the vendor's SDKs and prints one JSON line per scenario,
// {"name": …, "result": …}. A scenario gives what the SDK gave: no judgement is made here.
import {createRequire} from 'node:module';
import {pathToFileURL} from 'node:url';

const [sdk, baseURL, apiKey, ...names] = process.argv.slice(2);
const require = createRequire(process.env.BATON_CLIENTS + '/');
const {default: Anthropic, toFile} = await import(pathToFileURL(require.resolve(sdk)).href);
const client = new Anthropic({baseURL, apiKey, authToken: null, maxRetries: 0, timeout: 60_000});
const model = 'claude-sonnet-5-5';
const ask = (content, more = {}) => ({model, max_tokens: 48, messages: [{role: 'user', content}], ...more});
const tools = [{name: 'get_weather', description: 'The weather at a place',
                input_schema: {type: 'object', properties: {city: {type: 'string'}, days: {type: 'integer'}}, required: ['city']}}];

const eventsOf = async (stream) => {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
};
const failure = (e) => ({class: e.constructor.name, status: e.status ?? null, type: e.error?.error?.type ?? null,
                         message: e.error?.error?.message ?? String(e.message), request_id: e.requestID ?? null});
const failing = async (promise) => {
  try {
    await promise;
  } catch (e) {
    return failure(e);
  }
  return 'no error';
};
const all = async (page) => {
  const items = [];
  for await (const item of page) items.push(item);
  return items;
};
const files = client.files ?? client.beta.files;
const withBeta = client.files ? {} : {betas: ['files-api-2025-04-14']};

const scenarios = {
  message: () => client.messages.create(ask('hello')),
  unicode: () => client.messages.create(ask('你好 👩‍👩‍👧 ŝ \u2028 "quoted" \\ end')),
  conversation: () => client.messages.create({model, max_tokens: 48, system: 'Be brief.', messages: [
    {role: 'user', content: 'one'}, {role: 'assistant', content: 'two'}, {role: 'user', content: [{type: 'text', text: 'three'}]}]}),
  cached: async () => {
    const system = [{type: 'text', text: 'a long text '.repeat(4000), cache_control: {type: 'ephemeral'}}];
    const usage = [];
    for (let i = 0; i < 2; ++i) usage.push((await client.messages.create(ask('hello', {system}))).usage);
    return usage;
  },
  stream: async () => eventsOf(await client.messages.create(ask('hello', {stream: true}))),
  stream_final: () => client.messages.stream(ask('hello')).finalMessage(),
  tool: () => client.messages.create(ask('weather in Bern?', {tools, tool_choice: {type: 'tool', name: 'get_weather'}})),
  tool_stream: () => client.messages.stream(ask('weather in Bern?', {tools, tool_choice: {type: 'any'}})).finalMessage(),
  tool_result: async () => {
    const first = await client.messages.create(ask('weather in Bern?', {tools, tool_choice: {type: 'any'}}));
    const use = first.content.find((block) => block.type === 'tool_use');
    return client.messages.create({model, max_tokens: 48, tools, messages: [
      {role: 'user', content: 'weather in Bern?'}, {role: 'assistant', content: first.content},
      {role: 'user', content: [{type: 'tool_result', tool_use_id: use.id, content: 'sunny'}]}]});
  },
  thinking: () => client.messages.create(ask('think', {max_tokens: 4096, thinking: {type: 'adaptive'}})),
  thinking_stream: () => client.messages.stream(ask('think', {max_tokens: 4096, thinking: {type: 'adaptive'}})).finalMessage(),
  count_tokens: () => client.messages.countTokens({model, messages: [{role: 'user', content: 'how many tokens are these?'}], tools}),
  models: async () => ({list: (await all(client.models.list({limit: 2}))).map((m) => m.id), one: await client.models.retrieve(model)}),
  no_such_model: () => failing(client.messages.create({...ask('hello'), model: 'claude-nope'})),
  bad_request: () => failing(client.messages.create({model, max_tokens: -1, messages: []})),
  no_such_batch: () => failing(client.messages.batches.retrieve('msgbatch_nope')),

  batches: async () => {
    const requests = ['a', 'b'].map((custom_id) => ({custom_id, params: ask('for ' + custom_id)}));
    const made = await client.messages.batches.create({requests});
    let now = made;
    for (let i = 0; i < 200 && now.processing_status !== 'ended'; ++i) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      now = await client.messages.batches.retrieve(made.id);
    }
    const results = await all(await client.messages.batches.results(made.id));
    const listed = (await all(client.messages.batches.list({limit: 1}))).map((batch) => batch.id === made.id);
    const own_results_url = now.results_url.startsWith(baseURL + '/');
    const second = await client.messages.batches.create({requests});
    const cancelled = await client.messages.batches.cancel(second.id);
    const deleted = await client.messages.batches.delete(made.id);
    const gone = await failing(client.messages.batches.retrieve(made.id));
    return {made: made.processing_status, ended: {...now, results_url: own_results_url},
            results: results.sort((a, b) => a.custom_id.localeCompare(b.custom_id)), listed,
            cancelled: cancelled.processing_status, deleted: deleted.type, gone};
  },
  files: async () => {
    const content = Buffer.from(Array.from({length: 100_000}, (_, i) => (i * 7) & 255));
    const made = await files.upload({file: await toFile(content, 'bytes.bin', {type: 'application/octet-stream'}), ...withBeta});
    const back = Buffer.from(await (await files.download(made.id, withBeta)).arrayBuffer());
    const listed = (await all(files.list(withBeta))).filter((file) => file.id === made.id).length;
    const metadata = await files.retrieveMetadata(made.id, withBeta);
    const deleted = await files.delete(made.id, withBeta);
    const gone = await failing(files.retrieveMetadata(made.id, withBeta));
    return {made, same_bytes: back.equals(content), listed, metadata, deleted: deleted.type, gone};
  },

  // Against a scripted upstream, which answers by the model's name.
  errors: async () => {
    const found = {};
    for (const status of [400, 401, 402, 403, 404, 409, 413, 429, 500, 503, 504, 529]) {
      found[status] = await failing(client.messages.create({...ask('hello'), model: `status-${status}`}));
      found[status + ' streamed'] = await failing(client.messages.stream({...ask('hello'), model: `status-${status}`}).finalMessage());
    }
    return found;
  },
  error_in_stream: async () => {
    const seen = [];
    const stream = await client.messages.create({...ask('hello', {stream: true}), model: 'error-in-stream'});
    const error = await failing((async () => { for await (const event of stream) seen.push(event.type); })());
    return {seen, error};
  },
  cut_stream: async () => {
    const seen = [];
    const stream = await client.messages.create({...ask('hello', {stream: true}), model: 'cut-stream'});
    const error = await failing((async () => { for await (const event of stream) seen.push(event.type); })());
    return {seen, failed: error !== 'no error'};
  },
  retried: async () => {
    const patient = client.withOptions({maxRetries: 2});
    return {message: await patient.messages.create({...ask('hello'), model: 'second-time'})};
  },
  cancel_stream: async () => {
    const stream = await client.messages.create({...ask('hello', {stream: true}), model: 'endless-stream'});
    const seen = [];
    for await (const event of stream) {
      seen.push(event.type);
      if (event.type === 'content_block_delta') break;
    }
    stream.controller.abort();
    return seen;
  },
  cancel_waiting: async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 200);
    return failing(client.messages.create({...ask('hello'), model: 'never-answers'}, {signal: controller.signal}));
  },
};

for (const name of names) {
  let result;
  try {
    result = await scenarios[name]();
  } catch (e) {
    result = {unexpected: failure(e), stack: e.stack};
  }
  console.log(JSON.stringify({name, result}));
}
process.exit(0);

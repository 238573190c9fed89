// Writes which functions of the repository run, by test: names and lines, never values. Required into every Node of a
// traced run. Its failure is nobody's.
'use strict';

const environment = process.env;
const root = environment.CI_HEALER_TRACE_ROOT;
const folder = environment.CI_HEALER_TRACE;
const wanted = (environment.CI_HEALER_TRACE_FILES || '').split('\n').filter(Boolean);
const MOST_FUNCTIONS = 20000;
const MOST_TESTS = 2000;
const MOST_RANGES = 200000;

const fs = require('fs');
const Module = require('module');
const path = require('path');
const url = require('url');

let session = null;
const post = (method, parameters) => {
  let result = null;
  // In the same thread the answer comes before the call returns.
  session.post(method, parameters, (error, answer) => { if (!error) result = answer; });
  return result;
};

// The path in the repository; null for what is not its own code.
const places = new Map();
const placeOf = (name) => {
  if (!places.has(name)) {
    let found = null;
    try {
      const file = name.startsWith('file:') ? url.fileURLToPath(name.split(/[?#]/)[0]) : name.split(/[?]/)[0];
      const inside = path.relative(root, file);
      const own = path.isAbsolute(file) && inside && !inside.startsWith('..') && !/(^|[/\\])node_modules[/\\]/.test(inside);
      found = own ? inside : null;
    } catch {
      // Not a file.
    }
    places.set(name, found);
  }
  return places.get(name);
};

const functions = new Map(); // script and offsets -> { index, script, name, start, end }
const tests = [];
// ranges: by script, of each time they were taken [start, end, whether it ran]
const newTest = (id) => ({ id, failed: null, ran: new Set(), ranges: new Map() });
const outside = newTest('');
const open = [];
let scripts = new Map(); // by id: url
let rangesLeft = MOST_RANGES;

const take = () => {
  const taken = session && post('Profiler.takePreciseCoverage');
  const into = open.length ? open[open.length - 1] : outside;
  for (const script of (taken && taken.result) || []) {
    if (!script.url || placeOf(script.url) === null) continue;
    scripts.set(script.scriptId, script.url);
    const ranges = [];
    script.functions.forEach((f, at) => {
      const range = f.ranges[0];
      // The first is the module's own code.
      const isModule = at === 0 && f.functionName === '' && range && range.startOffset === 0;
      if (into !== outside && range && !isModule && rangesLeft >= f.ranges.length) {
        rangesLeft -= f.ranges.length;
        f.ranges.forEach((part) => ranges.push([part.startOffset, part.endOffset, part.count > 0]));
      }
      if (!range || range.count === 0) return;
      const key = `${script.scriptId}:${range.startOffset}:${range.endOffset}`;
      let known = functions.get(key);
      if (!known) {
        if (functions.size >= MOST_FUNCTIONS) return;
        known = { index: functions.size, script: script.scriptId, isModule, name: f.functionName, start: range.startOffset, end: range.endOffset };
        functions.set(key, known);
      }
      into.ran.add(known.index);
    });
    if (ranges.length) into.ranges.set(script.scriptId, [...(into.ranges.get(script.scriptId) || []), ranges]);
  }
};

const begin = (id) => {
  take();
  const test = newTest(String(id));
  if (tests.length < MOST_TESTS) tests.push(test);
  open.push(test);
};
const end = (failed) => {
  if (!open.length) return;
  take();
  const test = open.pop();
  if (failed !== undefined) test.failed = failed;
};
const safely = (work) => (...given) => {
  try {
    return work(...given);
  } catch {
    return undefined;
  }
};

const lineStarts = (text) => {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
};
const positionOf = (starts, offset) => {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= offset) low = middle; else high = middle - 1;
  }
  return [low, offset - starts[low]];
};

const sourceMapOf = (name, at) => {
  if (!at || !Module.SourceMap) return null;
  let text = null;
  const file = name.startsWith('file:') ? url.fileURLToPath(name.split(/[?#]/)[0]) : name;
  if (at.startsWith('data:')) {
    const [head, body] = [at.slice(0, at.indexOf(',')), at.slice(at.indexOf(',') + 1)];
    text = head.endsWith(';base64') ? Buffer.from(body, 'base64').toString() : decodeURIComponent(body);
  } else {
    text = fs.readFileSync(path.resolve(path.dirname(file), at.replace(/^file:\/\//, '')), 'utf8');
  }
  const payload = JSON.parse(text.replace(/^\)\]\}'?\n/, ''));
  const base = path.resolve(path.dirname(file), payload.sourceRoot || '');
  const place = (source) => (source.startsWith('file:') ? source : path.resolve(base, source));
  return { map: new Module.SourceMap(payload), place, sources: (payload.sources || []).length };
};

const read = (id, name, parsed) => {
  const answer = post('Debugger.getScriptSource', { scriptId: id });
  const text = answer && answer.scriptSource;
  if (typeof text !== 'string') return null;
  let mapped = null;
  try {
    mapped = sourceMapOf(name, parsed.get(id));
  } catch {
    // The lines of what ran are better than none.
  }
  return { text, starts: lineStarts(text), mapped, name };
};

const locate = (script, known) => {
  const [first, column] = positionOf(script.starts, known.start);
  const [last, lastColumn] = positionOf(script.starts, Math.max(known.start, known.end - 1));
  let [file, from, to] = [placeOf(script.name), first + 1, last + 1];
  if (script.mapped) {
    // A map holds places of tokens: the first of the body is surely the function's.
    const body = script.text.indexOf('{', known.start);
    const at = body >= 0 && body < known.end ? positionOf(script.starts, body) : [first, column];
    const found = [[first, column], at].map(([l, c]) => script.mapped.map.findEntry(l, c)).filter((e) => e && e.originalSource);
    if (!found.length) return null;
    const source = found[0].originalSource;
    file = placeOf(script.mapped.place(source));
    const closing = script.mapped.map.findEntry(last, lastColumn);
    from = found[0].originalLine + 1;
    to = Math.max(from, closing && closing.originalSource === source ? closing.originalLine + 1 : from);
  }
  return file === null ? null : [file, known.isModule ? '' : known.name, known.isModule ? 0 : from, known.isModule ? 0 : to];
};

// The lines of a script that ran: of ranges that nest the inner one has the last word, on a line that several share one
// that ran is enough.
const linesOf = (script, takes) => {
  const all = new Set();
  for (const ranges of takes) {
    const ran = new Set();
    ranges.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
    for (const [start, end, did] of ranges) {
      const [first, last] = [lineOf(script, start), lineOf(script, Math.max(start, end - 1))];
      // What a compiler put in has no line.
      if (!first || !last) continue;
      for (let line = first; line <= last; line++) {
        if (did) ran.add(line);
        else if (line !== first && line !== last) ran.delete(line);
      }
    }
    ran.forEach((line) => all.add(line));
  }
  return all;
};
// In the source, from 1; null where a map does not tell.
const lineOf = (script, offset) => {
  const [line, column] = positionOf(script.starts, offset);
  if (!script.mapped) return line + 1;
  const entry = script.mapped.map.findEntry(line, column);
  return entry && entry.originalSource ? entry.originalLine + 1 : null;
};

// Of the functions that a test ran, by index: first and last of the lines that ran.
const linesByFunction = (test, texts, places) => {
  const found = [];
  const all = [...functions.values()];
  for (const [id, takes] of test.ranges) {
    const script = texts.get(id);
    // Of a bundle nobody could say whose lines they are.
    if (!script || (script.mapped && script.mapped.sources !== 1)) continue;
    const ran = linesOf(script, takes);
    for (const known of all) {
      const place = places[known.index];
      if (known.script !== id || known.isModule || !place || !test.ran.has(known.index)) continue;
      const runs = [];
      for (let line = place[2]; line <= place[3]; line++) {
        if (!ran.has(line)) continue;
        if (runs.length && runs[runs.length - 1][1] === line - 1) runs[runs.length - 1][1] = line;
        else runs.push([line, line]);
      }
      if (runs.length) found.push([known.index, runs]);
    }
  }
  return found;
};

const write = () => {
  if (!session) return;
  take();
  const parsed = new Map();
  const note = ({ params }) => parsed.set(params.scriptId, params.sourceMapURL);
  session.on('Debugger.scriptParsed', note);
  post('Debugger.enable');
  post('Debugger.setSkipAllPauses', { skip: true });
  const texts = new Map();
  const places = [];
  for (const known of functions.values()) {
    if (!texts.has(known.script)) texts.set(known.script, read(known.script, scripts.get(known.script), parsed));
    const script = texts.get(known.script);
    places.push((script && safely(locate)(script, known)) || null);
  }
  post('Debugger.disable');
  session.removeListener('Debugger.scriptParsed', note);
  if (!places.some(Boolean)) return;
  const all = [...tests, outside].map((test) => [test.id, test.failed, [...test.ran], safely(linesByFunction)(test, texts, places) || []]);
  const name = `node-${process.pid}-${require('worker_threads').threadId}.json`;
  fs.writeFileSync(path.join(folder, 'out', name), JSON.stringify({ in_order: false, functions: places, tests: all }));
};

// Of node:test: every test, suites' and nested ones among them.
const follow = (runner) => {
  runner.beforeEach((context) => safely(begin)((context && (context.fullName || context.name)) || ''));
  runner.afterEach((context) => safely(end)(context && typeof context.passed === 'boolean' ? !context.passed : undefined));
};

// Of vitest, whose modules no loader of CommonJS sees: its workers keep the task that runs in a state that they put into
// the global object under a name of its own.
const VITEST_STATE = '__vitest_worker__';
const followVitest = (state) => {
  const nameOf = (task) => (task.suite && task.suite.name ? `${nameOf(task.suite)} > ${task.name}` : task.name);
  const isTest = (task) => Boolean(task) && (task.type === 'test' || task.type === 'custom');
  let current = state.current;
  Object.defineProperty(state, 'current', {
    configurable: true,
    enumerable: true,
    get: () => current,
    set: (task) => {
      if (task === current) return;
      if (isTest(current)) safely(end)(current.result ? current.result.state === 'fail' : undefined);
      if (isTest(task)) safely(begin)(nameOf(task));
      current = task;
      // All files are through: a thread may be ended without an event.
      if (!task) safely(write)();
    },
  });
};
const awaitVitest = () => {
  const define = Object.defineProperty;
  Object.defineProperty = function (target, key, descriptor) {
    if (key === VITEST_STATE && descriptor && descriptor.value) {
      Object.defineProperty = define;
      safely(followVitest)(descriptor.value);
    }
    return define.call(this, target, key, descriptor);
  };
};

const isWanted = (file) => {
  if (!wanted.length) return true;
  const inside = path.relative(root, path.resolve(String(file)));
  // Compiled tests have another folder and ending.
  const stem = (name) => path.basename(name).replace(/\.[cm]?[jt]sx?$/, '');
  return wanted.some((name) => name === inside || stem(name) === stem(inside));
};

const patched = new WeakSet();
const patches = [
  [/[/\\]mocha[/\\]lib[/\\]runner\.js$/, (Runner) => {
    const emit = Runner.prototype.emit;
    Runner.prototype.emit = function (event, test, ...rest) {
      if (event === 'test') safely(begin)(test.fullTitle());
      if (event === 'fail' && open.length) open[open.length - 1].failed = true;
      if (event === 'pass' && open.length) open[open.length - 1].failed = false;
      const result = emit.call(this, event, test, ...rest);
      if (event === 'test end') safely(end)();
      return result;
    };
  }],
  [/[/\\]mocha[/\\]lib[/\\]mocha\.js$/, (Mocha) => {
    const addFile = Mocha.prototype.addFile;
    Mocha.prototype.addFile = function (file) {
      return isWanted(file) ? addFile.call(this, file) : this;
    };
  }],
  // Inside, jest has a module system of its own; its environment tells what happens there.
  [/[/\\]jest-environment-[^/\\]+[/\\](build|lib)[/\\]index\.js$/, (exported) => {
    const Environment = exported.TestEnvironment || exported.default || exported;
    const handle = Environment.prototype.handleTestEvent;
    const nameOf = (test) => (test.parent && test.parent.name !== 'ROOT_DESCRIBE_BLOCK' ? `${nameOf(test.parent)} › ${test.name}` : test.name);
    Environment.prototype.handleTestEvent = async function (event, state) {
      if (event.name === 'test_start') safely(begin)(nameOf(event.test));
      if (event.name === 'test_done') safely(end)(event.test.errors.length > 0);
      // The environment's sandbox goes before the process does.
      if (event.name === 'run_finish') safely(take)();
      return handle ? handle.call(this, event, state) : undefined;
    };
  }],
];

// Package managers and compilers start what runs the tests, or have run before it.
const TOOLS = /[/\\](npm-cli|npx-cli|yarn|pnpm|corepack|tsc|eslint)(\.[cm]?js)?$/;

// Only the test files that are asked about: of `node --test` each file is a process, jest and vitest take patterns.
const narrow = (main) => {
  if (!wanted.length) return;
  if (environment.NODE_TEST_CONTEXT && !isWanted(main)) process.exit(0);
  const chosen = process.argv.slice(2).some((word, at, all) => !word.startsWith('-') && word !== 'run' && !(all[at - 1] || '').startsWith('-'));
  if (!chosen && /[/\\](jest|vitest)(\.m?js)?$/.test(main)) process.argv.push(...wanted.map((name) => path.basename(name)));
};

const start = () => {
  const main = process.argv[1] || '';
  if (!root || !folder || TOOLS.test(main)) return;
  if (require('worker_threads').isMainThread) narrow(main);
  const inspector = require('inspector');
  session = new inspector.Session();
  session.connect();
  post('Profiler.enable');
  post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  process.on('exit', safely(write));
  process.once('SIGTERM', () => process.exit(143));
  const load = Module._load;
  let followed = false;
  Module._load = function (request, parent, ...rest) {
    const exported = load.call(this, request, parent, ...rest);
    if (!followed && (request === 'node:test' || request === 'test') && typeof exported.beforeEach === 'function') {
      followed = true;
      safely(follow)(exported);
    }
    if (exported && /mocha|jest-environment|runner/.test(request) && (typeof exported === 'function' || typeof exported === 'object') && !patched.has(exported)) {
      const file = safely(() => Module._resolveFilename(request, parent))() || '';
      const patch = patches.find(([name]) => name.test(file));
      if (patch) {
        patched.add(exported);
        safely(patch[1])(exported);
      }
    }
    return exported;
  };
  if (/[/\\](vitest|tinypool)[/\\]/.test(main) || environment.VITEST) awaitVitest();
  // A file that only imports it.
  if (environment.NODE_TEST_CONTEXT) require('node:test');
};

safely(start)();

'use strict'
// The Node.js runtime: loads the handler, asks for invocations, calls it, answers. Runs on Node 18 and later, alone.
//
// It behaves as AWS's own runtime does, to the wording of errors and the layout of log lines, and speaks the same
// Runtime API over a connection that is there from the start (files 3 and 4). Waiting for an invocation blocks the whole
// process: between invocations nothing runs, as nothing runs in a frozen environment. A response sent with the header
// `Runner-Next` is itself the request for the next invocation.

const fs = require('fs')
const path = require('path')
const util = require('util')

const EVENTS = 3
const ANSWERS = 4
const API = '/2018-06-01/runtime'
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming')
const WATERMARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')
const PRELUDE_END = Buffer.alloc(8)
const LARGE = 65536 // a longer body is sent by itself
const HEAD_ROOM = 1024 // before the body of a result
const EVENT_HEAD = 1024 // a longer head of an event is read as any other
const EVENT = new RegExp(
  '^HTTP/1\\.1 200 OK\r\ncontent-type: application/json\r\nlambda-runtime-aws-request-id: ([^\r\n]+)\r\n' +
    'lambda-runtime-deadline-ms: (\\d+)\r\nlambda-runtime-invoked-function-arn: ([^\r\n]+)\r\n' +
    '(?:lambda-runtime-trace-id: ([^\r\n]*)\r\n)?(?:lambda-runtime-client-context: ([^\r\n]*)\r\n)?' +
    'content-length: (\\d+)\r\n\r\n'
)
const LEVELS = { TRACE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4, FATAL: 5 }
const EXIT_UNHANDLED_REJECTION = 128
const EXIT_UNCAUGHT_EXCEPTION = 129
const NEVER_SETTLED =
  'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that ' +
  'was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes'

const environment = process.env
const debugging = environment.RUNNER_DEBUG === '1'
delete environment.RUNNER_DEBUG
const shownAs = environment.RUNNER_SHOWN // JSON: real folder -> its name on Lambda; absent under a debugger
delete environment.RUNNER_SHOWN
const major = Number(process.versions.node.split('.')[0])
const asked = Number((environment.AWS_EXECUTION_ENV || '').match(/nodejs(\d+)/)?.[1]) || major

let current // the invocation at hand
let requestId // for log lines; undefined before the first invocation

// The connection

// What comes all the time passes through these two, so that an invocation leaves next to nothing to collect.
const chunk = Buffer.allocUnsafeSlow(65536)
const outgoing = Buffer.allocUnsafeSlow(HEAD_ROOM + 3 * LARGE)
let buffered = Buffer.alloc(0)

function writeAll(data) {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
  writePart(bytes, 0, bytes.length)
}

function writePart(bytes, start, end) {
  while (start < end) start += fs.writeSync(ANSWERS, bytes, start, end - start)
}

function send(method, where, lines, body) {
  let head = `${method} ${API}${where} HTTP/1.1\r\nHost: runtime\r\n`
  for (const line of lines) head += line + '\r\n'
  if (body === undefined) return writeAll(head + '\r\n')
  head += `Content-Length: ${body.length}\r\n\r\n`
  if (body.length > LARGE) {
    writeAll(head)
    return writeAll(body)
  }
  writeAll(Buffer.concat([Buffer.from(head, 'latin1'), body]))
}

// A result, and the request for the next invocation: the same as `send` makes of it. The other side knows the form.
function sendResult(id, text) {
  const where = `/invocation/${id}/response`
  if (text.length <= LARGE && where.length <= HEAD_ROOM / 2) {
    const size = outgoing.utf8Write(text, HEAD_ROOM)
    const head = `POST ${API}${where} HTTP/1.1\r\nHost: runtime\r\nRunner-Next: 1\r\nContent-Type: application/json\r\nContent-Length: ${size}\r\n\r\n`
    const start = HEAD_ROOM - head.length
    outgoing.latin1Write(head, start)
    return writePart(outgoing, start, HEAD_ROOM + size)
  }
  send('POST', where, ['Runner-Next: 1', 'Content-Type: application/json'], Buffer.from(text))
}

function read(into, start) {
  const count = fs.readSync(EVENTS, into, start, into.length - start, null)
  if (count === 0) process.kill(process.pid, 'SIGKILL') // whoever asked for this process is gone
  return count
}

function keep(count) {
  buffered = Buffer.concat([buffered, chunk.subarray(0, count)])
}

// Reads one answer: { status, headers, text }.
function receive() {
  if (buffered.length === 0) {
    const count = read(chunk, 0)
    const found = EVENT.exec(chunk.latin1Slice(0, Math.min(count, EVENT_HEAD)))
    if (found !== null && count - found[0].length === Number(found[6])) return eventIn(found, count)
    keep(count)
  }
  return receiveAny()
}

// An event in the form in which the other side sends it, and all of it here.
function eventIn(found, count) {
  const headers = {
    'lambda-runtime-aws-request-id': found[1].trim(),
    'lambda-runtime-deadline-ms': found[2],
    'lambda-runtime-invoked-function-arn': found[3].trim(),
    'lambda-runtime-trace-id': found[4]?.trim(),
    'lambda-runtime-client-context': found[5]?.trim()
  }
  return { status: 200, headers, text: chunk.utf8Slice(found[0].length, count) }
}

function receiveAny() {
  let end
  while ((end = buffered.indexOf('\r\n\r\n')) < 0) keep(read(chunk, 0))
  const lines = buffered.toString('latin1', 0, end).split('\r\n')
  const headers = {}
  for (let i = 1; i < lines.length; i++) {
    const colon = lines[i].indexOf(':')
    headers[lines[i].slice(0, colon).toLowerCase()] = lines[i].slice(colon + 1).trim()
  }
  const start = end + 4
  const size = Number(headers['content-length'] || 0)
  if (buffered.length - start < size) {
    const whole = Buffer.allocUnsafe(size)
    let have = buffered.copy(whole, 0, start)
    while (have < size) have += read(whole, have)
    buffered = Buffer.alloc(0)
    return { status: Number(lines[0].split(' ')[1]), headers, text: whole.toString() }
  }
  const text = buffered.toString('utf8', start, start + size)
  buffered = buffered.subarray(start + size)
  return { status: Number(lines[0].split(' ')[1]), headers, text }
}

// Under a debugger the event loop goes on while waiting, so that breakpoints can be set.
function whenReadable(then) {
  if (!debugging || buffered.length > 0) return setImmediate(then)
  const awake = setInterval(() => {}, 1 << 30)
  fs.read(EVENTS, chunk, 0, chunk.length, null, (error, count) => {
    clearInterval(awake)
    if (error || count === 0) process.kill(process.pid, 'SIGKILL')
    keep(count)
    then()
  })
}

// Folders as Lambda names them: what is told of an error says `/var/task/...`, wherever the code really lies. Only
// what is formatted here is renamed, and only then.

const OWN_NAME = '/var/runtime/index.mjs'
const FRAME = /^ +at .*$/gm
const OWN_CALLERS = /^( +at (?:async )?Runtime\.handleOnce\w+ \(.*\))(?:\n +at (?:(?! \{$).)*)*/gm
const NAMES_FILES = /^(ERR_)?(MODULE|PACKAGE|REQUIRE|INVALID_PACKAGE|INVALID_MODULE|UNSUPPORTED_DIR|UNKNOWN_FILE)_/
const LOAD_ERRORS = ['Runtime.ImportModuleError', 'Runtime.UserCodeSyntaxError']
let renamings

function asShown(text, own) {
  if (shownAs === undefined) return text
  if (renamings === undefined) {
    const { pathToFileURL } = require('url')
    const pairs = Object.entries(JSON.parse(shownAs)).flatMap(([real, name]) => [
      [`${real}/`, `${name}/`],
      [`${pathToFileURL(real).href}/`, `file://${name}/`]
    ])
    renamings = pairs.sort((a, b) => b[0].length - a[0].length)
  }
  text = text.replaceAll(__filename, own)
  for (const [real, name] of renamings) text = text.replaceAll(real, name)
  return text
}

// The frames in a text; what calls the runtime's method that calls the handler is not on Lambda.
function framesAsShown(text) {
  if (shownAs === undefined || !text.includes(' at ')) return text
  return text.replace(OWN_CALLERS, '$1').replace(FRAME, (line) => asShown(line, `file://${OWN_NAME}`))
}

// Whether Node itself names files in the message; all other messages are the function's own.
function namesFiles(error) {
  return error instanceof SyntaxError || NAMES_FILES.test(error.code) || LOAD_ERRORS.includes(error.name)
}

function messageOf(error) {
  return namesFiles(error) ? asShown(String(error.message), OWN_NAME) : error.message
}

function linesOf(error) {
  const stack = framesAsShown(error.stack)
  return (namesFiles(error) ? asShown(stack, OWN_NAME) : stack).split('\n')
}

// Logging

function write(text) {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(1, rest))
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
}

function setUpConsole() {
  const json = (environment.AWS_LAMBDA_LOG_FORMAT || '').toUpperCase() === 'JSON'
  const least = LEVELS[(environment.AWS_LAMBDA_LOG_LEVEL || '').toUpperCase()] ?? 0
  const put = (level, args) => {
    if (LEVELS[level] < least) return
    write(json ? jsonLine(level, args) : textLine(level, framesAsShown(util.format(...args))))
  }
  console.log = (...args) => put('INFO', args)
  console.info = (...args) => put('INFO', args)
  console.debug = (...args) => put('DEBUG', args)
  console.warn = (...args) => put('WARN', args)
  console.error = (...args) => put('ERROR', args)
  console.trace = (...args) => put('TRACE', args)
  console.fatal = (...args) => put('FATAL', args)
  return (title, error) => {
    if (json) {
      const { errorType, errorMessage, stack } = loggable(error)
      const entry = { timestamp: new Date().toISOString(), level: 'ERROR', message: { errorType, errorMessage, stackTrace: stack } }
      if (requestId !== undefined) entry.requestId = requestId
      write(JSON.stringify(entry) + '\n')
    } else {
      write(textLine('ERROR', `${title} \t${JSON.stringify(loggable(error))}`))
    }
  }
}

function textLine(level, message) {
  return `${new Date().toISOString()}\t${requestId}\t${level}\t${message.replace(/\n/g, '\r')}\n`
}

function jsonLine(level, args) {
  const entry = { timestamp: new Date().toISOString(), level }
  if (requestId !== undefined) entry.requestId = requestId
  if (current?.tenantId) entry.tenantId = current.tenantId
  if (args.length === 1) {
    entry.message = args[0]
    try {
      return JSON.stringify(entry, errorsToo) + '\n'
    } catch {
      // falls through to text
    }
  }
  entry.message = framesAsShown(util.format(...args))
  for (const arg of args) {
    if (arg instanceof Error) {
      entry.errorType = arg.constructor?.name ?? 'UnknownError'
      entry.errorMessage = messageOf(arg)
      entry.stackTrace = typeof arg.stack === 'string' ? linesOf(arg) : []
      break
    }
  }
  return JSON.stringify(entry) + '\n'
}

function errorsToo(key, value) {
  if (!(value instanceof Error)) return value
  const lines = typeof value.stack === 'string' ? linesOf(value) : []
  return { errorType: value.constructor?.name ?? 'UnknownError', errorMessage: messageOf(value), stackTrace: lines }
}

// Errors

class RuntimeError extends Error {
  constructor(name, message) {
    super(message)
    this.name = name
  }
}

function isError(value) {
  return value !== null && typeof value === 'object' && (value instanceof Error || (value.name && value.message && value.stack))
}

// The body that is posted.
function posted(error) {
  try {
    if (util.types.isNativeError(error) || isError(error)) {
      return {
        errorType: String(error.name).replaceAll('\x7F', '%7F'),
        errorMessage: String(messageOf(error)).replaceAll('\x7F', '%7F'),
        trace: (typeof error.stack === 'string' ? linesOf(error) : [String(error.stack)]).map((line) => line.replaceAll('\x7F', '%7F'))
      }
    }
    return { errorType: typeof error, errorMessage: String(error), trace: [] }
  } catch {
    return {
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack'
    }
  }
}

// The form that is logged: with the error's own further properties.
function loggable(error) {
  try {
    if (!isError(error)) return { errorType: typeof error, errorMessage: String(error), stack: [] }
    const { name, message, stack, ...others } = Object.fromEntries(Object.getOwnPropertyNames(error).map((key) => [key, error[key]]))
    const plain = { errorType: error.name, errorMessage: messageOf(error) }
    if (error.code !== undefined) plain.code = error.code
    Object.assign(plain, others)
    if (Array.isArray(plain.requireStack)) plain.requireStack = plain.requireStack.map((file) => asShown(String(file), OWN_NAME))
    plain.stack = typeof error.stack === 'string' ? linesOf(error) : error.stack
    JSON.stringify(plain)
    return plain
  } catch {
    return { errorType: 'handled', errorMessage: 'the error could not be shown', stack: [] }
  }
}

function errorLines(error, body) {
  const kind = String(body.errorType).replace(/[\r\n]/g, ' ')
  return ['Content-Type: application/json', `Lambda-Runtime-Function-Error-Type: ${kind}`]
}

// Fails the init phase or the invocation, and ends.
function fatal(error, code) {
  const body = posted(error)
  const data = Buffer.from(JSON.stringify(body))
  const where = current ? `/invocation/${current.id}/error` : '/init/error'
  send('POST', where, errorLines(error, body), data)
  receive()
  process.exit(code)
}

// The handler

async function load(handler) {
  if (handler.includes('..')) {
    throw new RuntimeError(
      'Runtime.MalformedHandlerName',
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`
    )
  }
  const file = path.basename(handler)
  const folder = handler.slice(0, handler.length - file.length)
  const match = file.match(/^([^.]*)\.(.*)$/)
  if (!match) throw new RuntimeError('Runtime.MalformedHandlerName', 'Bad handler')
  const root = environment.LAMBDA_TASK_ROOT || process.cwd()
  let loaded
  try {
    loaded = await loadModule(path.resolve(root, folder, match[1]), root)
  } catch (error) {
    throw loadError(error)
  }
  const found = match[2].split('.').reduce((value, key) => value?.[key], loaded)
  if (found === undefined || found === null) {
    throw new RuntimeError('Runtime.HandlerNotFound', `${handler} is undefined or not exported`)
  }
  if (typeof found !== 'function') throw new RuntimeError('Runtime.HandlerNotFound', `${handler} is not a function`)
  return found
}

function loadError(error) {
  if (error instanceof SyntaxError) return renamed('Runtime.UserCodeSyntaxError', error)
  if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND') return renamed('Runtime.ImportModuleError', error)
  return error
}

// Node's own error under the runtime's name: `Error: Cannot find module ...`
function renamed(name, error) {
  const made = new RuntimeError(name, error.stack.split('\n    at ')[0].match(/(?:^|\n)((?:Syntax)?Error(?: \[[A-Z_]+\])?: [^]*)$/)?.[1] ?? String(error))
  const frames = error.stack.split('\n').filter((line) => line.startsWith('    at '))
  made.stack = [`${name}: ${made.message}`, ...frames].join('\n')
  return made
}

async function loadModule(base, root) {
  if (isFile(base)) return loadFile(base, root)
  if (isFile(`${base}.js`)) return loadFile(`${base}.js`, root)
  if (isFile(`${base}.mjs`)) return importFile(`${base}.mjs`)
  if (isFile(`${base}.cjs`)) return require(`${base}.cjs`)
  try {
    return require(require.resolve(path.relative(root, base), { paths: [root, path.dirname(base)] }))
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error
    const missing = new Error(`Cannot find module '${path.basename(base)}'\nRequire stack:\n- /var/runtime/index.mjs`)
    missing.code = error.code
    throw missing
  }
}

function loadFile(file, root) {
  return isModule(path.dirname(file), root) ? importFile(file) : require(file)
}

function importFile(file) {
  return import(require('url').pathToFileURL(file).href)
}

function isFile(name) {
  return fs.statSync(name, { throwIfNoEntry: false })?.isFile() ?? false
}

// Whether the nearest package.json says that .js files are ES modules.
function isModule(folder, root) {
  for (;;) {
    const name = path.join(folder, 'package.json')
    if (isFile(name)) {
      try {
        return JSON.parse(fs.readFileSync(name, 'utf8')).type === 'module'
      } catch {
        return false
      }
    }
    if (folder === root || folder === path.dirname(folder)) return false
    folder = path.dirname(folder)
  }
}

// Streaming

function streamify(handler, options) {
  handler[STREAMING] = 'response'
  if (options?.highWaterMark !== undefined) handler[WATERMARK] = options.highWaterMark
  return handler
}

function httpStream(stream, prelude) {
  stream.setContentType('application/vnd.awslambda.http-integration-response')
  stream._onBeforeFirstWrite = (write) => {
    write(JSON.stringify(prelude))
    write(PRELUDE_END)
  }
  return stream
}

function makeStream(invocation, watermark) {
  const { Writable } = require('stream')
  let contentType = 'application/octet-stream'
  let open = false
  const put = (data) => {
    const bytes = Buffer.from(data)
    if (bytes.length > 0) writeAll(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]))
  }
  const begin = () => {
    if (open) return
    open = invocation.streaming = true
    send('POST', `/invocation/${invocation.id}/response`, [
      `Content-Type: ${contentType}`,
      'Lambda-Runtime-Function-Response-Mode: streaming',
      'Transfer-Encoding: chunked',
      'Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body'
    ])
    stream._onBeforeFirstWrite?.(put)
  }
  const stream = new Writable({
    highWaterMark: watermark,
    write(data, encoding, done) {
      begin()
      put(typeof data === 'string' ? Buffer.from(data, encoding) : data)
      done()
    },
    final(done) {
      begin()
      end('')
      done()
    }
  })
  const end = (trailers) => {
    if (invocation.ended) return
    invocation.ended = true
    writeAll(`0\r\n${trailers}\r\n`)
    receive()
  }
  stream.setContentType = (type) => {
    contentType = type
  }
  // The answer has begun: what went wrong is told in its trailers.
  invocation.breakOff = (error) => {
    const body = Buffer.from(JSON.stringify(posted(error))).toString('base64')
    const kind = String(posted(error).errorType)
    end(`Lambda-Runtime-Function-Error-Type: ${kind}\r\nLambda-Runtime-Function-Error-Body: ${body}\r\n`)
  }
  return stream
}

// Invocations

class Invocation {
  constructor(headers) {
    this.id = headers['lambda-runtime-aws-request-id']
    this.tenantId = headers['lambda-runtime-aws-tenant-id']
    this.waits = true
    this.done = false
    this.promised = false
    this.streaming = false
    this.ended = false
    this.whenEmpty = undefined
    this.breakOff = undefined
    this.callback = undefined
  }
}

// Which invocation a context belongs to is kept in it, where nobody sees it. So all contexts share their accessors:
// with accessors of its own, each would have a layout of its own, which stays in memory until all of it is collected.
class Owned extends function (context) { return context } {
  #invocation

  constructor(context, invocation) {
    super(context)
    this.#invocation = invocation
  }

  static of(context) {
    return #invocation in Object(context) ? context.#invocation : current // what stands for a context: a proxy, an heir
  }
}

const WAITS = {
  get() {
    return Owned.of(this)?.waits ?? true
  },
  set(value) {
    const invocation = Owned.of(this)
    if (invocation !== undefined) invocation.waits = value
  },
  enumerable: true,
  configurable: true
}

// They stay as they are, and each look into the environment is a search through all of it.
const FUNCTION_VERSION = environment.AWS_LAMBDA_FUNCTION_VERSION
const FUNCTION_NAME = environment.AWS_LAMBDA_FUNCTION_NAME
const MEMORY_SIZE = environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE
const LOG_GROUP_NAME = environment.AWS_LAMBDA_LOG_GROUP_NAME
const LOG_STREAM_NAME = environment.AWS_LAMBDA_LOG_STREAM_NAME

function makeContext(invocation, headers) {
  const context = {}
  if (asked < 24 && runtime.handler[STREAMING] !== 'response') addCallbacks(context, invocation)
  const deadline = Number(headers['lambda-runtime-deadline-ms'])
  context.functionVersion = FUNCTION_VERSION
  context.functionName = FUNCTION_NAME
  context.memoryLimitInMB = MEMORY_SIZE
  context.logGroupName = LOG_GROUP_NAME
  context.logStreamName = LOG_STREAM_NAME
  context.clientContext = json('ClientContext', headers['lambda-runtime-client-context'])
  context.identity = json('CognitoIdentity', headers['lambda-runtime-cognito-identity'])
  context.invokedFunctionArn = headers['lambda-runtime-invoked-function-arn']
  context.awsRequestId = invocation.id
  context.tenantId = invocation.tenantId
  const getRemainingTimeInMillis = () => deadline - Date.now() // it bears its name
  context.getRemainingTimeInMillis = getRemainingTimeInMillis
  return context
}

function addCallbacks(context, invocation) {
  Object.defineProperty(context, 'callbackWaitsForEmptyEventLoop', WAITS)
  new Owned(context, invocation)
  context.succeed = (result) => {
    invocation.waits = false
    invocation.callback(null, result)
  }
  context.fail = (error) => {
    invocation.waits = false
    invocation.callback(error ?? 'handled')
  }
  context.done = (error, result) => invocation.callback(error, result)
}

function json(name, value) {
  if (!value) return undefined
  try {
    return JSON.parse(Buffer.from(value, 'latin1').toString('utf8'))
  } catch (error) {
    throw new Error(`Unable to parse ${name} as JSON: ${error}`)
  }
}

function next() {
  let answer
  do {
    answer = receive()
    // A refused answer counts as posted; the next invocation is then asked for by itself.
    if (answer.status !== 200) send('GET', '/invocation/next', [])
  } while (answer.status !== 200)
  begin(answer)
}

function begin({ headers, text }) {
  const invocation = new Invocation(headers)
  current = invocation
  requestId = invocation.id
  const trace = headers['lambda-runtime-trace-id']
  if (trace !== undefined) environment._X_AMZN_TRACE_ID = trace
  else delete environment._X_AMZN_TRACE_ID
  invocation.callback = (error, result) => {
    if (invocation.done) return
    if (error !== undefined && error !== null) return fail(invocation, error)
    invocation.done = true
    const text = serialised(result)
    if (invocation.waits) invocation.whenEmpty = () => succeed(invocation, text)
    else succeed(invocation, text)
  }
  try {
    const event = JSON.parse(text)
    const context = makeContext(invocation, headers)
    if (runtime.handler[STREAMING] === 'response') return stream(invocation, event, context)
    call(invocation, event, context)
  } catch (error) {
    fail(invocation, error)
  }
}

// Names that stack traces show as on Lambda; there, too, a handler's `this` is the runtime.
class Runtime {
  handleOnceNonStreaming(invocation, event, context) {
    return asked < 24 ? this.handler(event, context, invocation.callback) : this.handler(event, context)
  }

  handleOnceStreaming(event, out, context) {
    return this.handler(event, out, context)
  }
}

function call(invocation, event, context) {
  const result = runtime.handleOnceNonStreaming(invocation, event, context)
  if (typeof result?.then === 'function') {
    invocation.promised = true
    result.then(
      (value) => {
        if (invocation.done) return
        invocation.done = true
        let text
        try {
          text = serialised(value)
        } catch (error) {
          return uncaught(error)
        }
        succeed(invocation, text)
      },
      (error) => {
        if (!invocation.done) fail(invocation, error)
      }
    )
  } else if (!invocation.done) {
    invocation.whenEmpty = () => succeed(invocation, 'null')
  }
}

function stream(invocation, event, context) {
  const out = makeStream(invocation, runtime.handler[WATERMARK])
  const finished = new Promise((resolve) => out.on('finish', resolve))
  invocation.promised = true
  const result = runtime.handleOnceStreaming(event, out, context)
  if (typeof result?.then !== 'function') {
    throw new RuntimeError('Runtime.InvalidStreamingOperation', 'Streaming does not support non-async handlers.')
  }
  result.then(async () => {
    if (!out.writableEnded) invocation.promised = 'open'
    await finished
    invocation.done = true
    again()
  }).catch((error) => {
    if (!invocation.streaming) return fail(invocation, error)
    logError('Invoke Error', error)
    invocation.done = true
    invocation.breakOff(error)
    again()
  })
}

function serialised(value) {
  try {
    return JSON.stringify(value === undefined ? null : value) ?? 'null'
  } catch {
    throw new Error('Unable to stringify response body')
  }
}

function succeed(invocation, text) {
  invocation.whenEmpty = undefined
  answered()
  sendResult(invocation.id, text)
  whenReadable(next)
}

function fail(invocation, error) {
  invocation.done = true
  logError('Invoke Error', error)
  const body = posted(error)
  answered()
  const lines = [...errorLines(error, body), 'Runner-Next: 1']
  send('POST', `/invocation/${invocation.id}/error`, lines, Buffer.from(JSON.stringify(body)))
  whenReadable(next)
}

function again() {
  answered()
  send('GET', '/invocation/next', [])
  whenReadable(next)
}

function answered() {
  current = undefined
}

function uncaught(error) {
  logError('Uncaught Exception', error)
  fatal(error, EXIT_UNCAUGHT_EXCEPTION)
}

// The life of the runtime

const logError = setUpConsole()
const runtime = new Runtime()

process.on('uncaughtException', uncaught)
process.on('unhandledRejection', (reason, promise) => {
  const error = new RuntimeError('Runtime.UnhandledPromiseRejection', String(reason))
  error.reason = reason
  error.promise = promise
  logError('Unhandled Promise Rejection', error)
  fatal(error, EXIT_UNHANDLED_REJECTION)
})
process.on('beforeExit', () => {
  if (!current) return
  if (current.whenEmpty) current.whenEmpty()
  else if (current.promised) fatal(new RuntimeError('Runtime.NodeJsExit', NEVER_SETTLED), 0)
})

globalThis.awslambda = { streamifyResponse: streamify, HttpResponseStream: { from: httpStream } }

load(environment._HANDLER || '').then(
  (found) => {
    runtime.handler = found
    again()
  },
  (error) => {
    logError('Uncaught Exception', error)
    fatal(error, EXIT_UNCAUGHT_EXCEPTION)
  }
)

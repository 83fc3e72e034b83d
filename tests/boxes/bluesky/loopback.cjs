// The servers listen on all interfaces by themselves: here only on loopback.
const net = require('node:net')

const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...given) {
  if (typeof given[0] === 'object' && given[0] !== null && !Array.isArray(given[0])) {
    if (given[0].path === undefined) given[0] = { ...given[0], host: '127.0.0.1' }
  } else if (typeof given[0] !== 'string' || /^\d+$/.test(given[0])) {
    const rest = given.slice(1).filter((one) => typeof one !== 'string')
    const backlog = rest.find((one) => typeof one === 'number')
    const done = rest.find((one) => typeof one === 'function')
    given = [{ port: Number(given[0] ?? 0), host: '127.0.0.1', backlog }]
    if (done) given.push(done)
  }
  return listen.apply(this, given)
}

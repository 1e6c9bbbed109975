/** Proves a server and prints what came of it: `prove.ts SERVER`. */
import { proveServer } from '../../../src/provision/prove-server.ts';

console.log(JSON.stringify(await proveServer(process.argv[2] ?? '')));

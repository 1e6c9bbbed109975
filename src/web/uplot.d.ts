// Served under this name from the package, see http/page-files.ts.
export { default } from 'uplot';

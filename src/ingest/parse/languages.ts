import { extname } from 'node:path';

/** Programming and configuration languages by extension. */
const LANGUAGES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    ada: 'adb ads',
    assembly: 'asm s',
    astro: 'astro',
    awk: 'awk',
    c: 'c h',
    clojure: 'clj cljs cljc edn',
    cmake: 'cmake',
    cpp: 'cc cpp cxx hh hpp hxx',
    csharp: 'cs',
    css: 'css',
    cuda: 'cu cuh',
    d: 'd',
    dart: 'dart',
    diff: 'diff patch',
    dockerfile: 'dockerfile',
    elixir: 'ex exs',
    elm: 'elm',
    erlang: 'erl hrl',
    fortran: 'f f90 f95 for',
    fsharp: 'fs fsi fsx',
    go: 'go',
    graphql: 'gql graphql',
    groovy: 'gradle groovy',
    haskell: 'hs lhs',
    hcl: 'hcl tf tfvars',
    ini: 'cfg conf ini properties',
    java: 'java',
    javascript: 'cjs js jsx mjs',
    jinja: 'j2 jinja jinja2',
    json: 'json5 jsonc',
    julia: 'jl',
    kotlin: 'kt kts',
    less: 'less',
    lisp: 'cl el lisp lsp rkt scm',
    lua: 'lua',
    make: 'mak mk',
    nim: 'nim',
    nix: 'nix',
    objectivec: 'm mm',
    ocaml: 'ml mli',
    pascal: 'pas pp',
    perl: 'pl pm',
    php: 'php',
    powershell: 'ps1 psm1',
    prisma: 'prisma',
    proto: 'proto',
    python: 'py pyi pyx',
    r: 'r',
    ruby: 'rb rake gemspec',
    rust: 'rs',
    sass: 'sass scss',
    scala: 'sc scala',
    shell: 'bash fish ksh sh zsh',
    solidity: 'sol',
    sql: 'sql',
    svelte: 'svelte',
    swift: 'swift',
    tcl: 'tcl',
    toml: 'toml',
    typescript: 'cts mts ts tsx',
    verilog: 'sv v',
    vhdl: 'vhd vhdl',
    vim: 'vim',
    vue: 'vue',
    xml: 'xml xsd xsl xslt',
    yaml: 'yaml yml',
    zig: 'zig',
  }).flatMap(([language, extensions]) =>
    extensions.split(' ').map((extension) => [`.${extension}`, language]),
  ),
);
const LANGUAGES_BY_NAME: Readonly<Record<string, string>> = {
  'cmakelists.txt': 'cmake',
  dockerfile: 'dockerfile',
  gemfile: 'ruby',
  jenkinsfile: 'groovy',
  justfile: 'make',
  makefile: 'make',
  rakefile: 'ruby',
};

/** The language of a file of source code, by its name. */
export function languageOf(name: string): string | undefined {
  return LANGUAGES_BY_NAME[name.toLowerCase()] ?? LANGUAGES[extname(name).toLowerCase()];
}

/** Whether a name is that of source code. */
export function isCodeFile(name: string): boolean {
  return languageOf(name) !== undefined;
}

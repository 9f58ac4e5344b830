#!/usr/bin/env bash
# Builds weft_crdt for wasm32-wasi into build/wasm, links a smoke program against it, and runs that
# under node or wasmtime where one of them is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cmake --preset wasm
cmake --build --preset wasm -j "$(nproc)"

smoke=build/wasm/weft_wasm_smoke.wasm
size_bytes=$(stat -c %s "$smoke")
echo "wasm: $smoke has $size_bytes bytes"
if command -v wasmtime >/dev/null; then
  wasmtime "$smoke"
elif command -v node >/dev/null; then
  node --no-warnings --input-type=module - "$smoke" <<'JS'
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';
const wasi = new WASI({ version: 'preview1', returnOnExit: true });
const bytes = await readFile(process.argv[2]);
const { instance } = await WebAssembly.instantiate(bytes, wasi.getImportObject());
process.exitCode = wasi.start(instance);
JS
else
  echo "wasm: linked, but not run: neither wasmtime nor node is installed"
fi

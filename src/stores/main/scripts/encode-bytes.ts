/**
 * Lua functions for bytes that are to stand in JSON, which holds text only, as `deadLetter` writes them.
 *
 * `is_utf8(bytes)` is as strict as Node's: no overlong forms, no halves of surrogate pairs, nothing above U+10FFFF.
 * `base64(bytes)` gives the standard alphabet, padded.
 */
export const ENCODE_BYTES = `
local function is_utf8(bytes)
  local at = bytes:find('[\\128-\\255]')
  while at do
    local lead, second = bytes:byte(at, at + 1)
    local least, most = 0x80, 0xBF
    if lead == 0xE0 then least = 0xA0
    elseif lead == 0xED then most = 0x9F
    elseif lead == 0xF0 then least = 0x90
    elseif lead == 0xF4 then most = 0x8F end
    if lead < 0xC2 or lead > 0xF4 or not second or second < least or second > most then return false end
    local size = lead >= 0xF0 and 4 or lead >= 0xE0 and 3 or 2
    if not bytes:find('^' .. ('[\\128-\\191]'):rep(size - 2), at + 2) then return false end
    at = bytes:find('[\\128-\\255]', at + size)
  end
  return true
end
local function base64(bytes)
  local digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  local text = bytes:gsub('..?.?', function(part)
    local first, second, third = part:byte(1, 3)
    local bits = first * 65536 + (second or 0) * 256 + (third or 0)
    local digit = function(shift)
      local index = math.floor(bits / shift) % 64 + 1
      return digits:sub(index, index)
    end
    return digit(262144) .. digit(4096) .. (second and digit(64) or '=') .. (third and digit(1) or '=')
  end)
  return text
end
`;

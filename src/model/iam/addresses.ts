interface Address {
  bits: 32 | 128;
  value: bigint;
}

/**
 * Whether an address is in a range, `203.0.113.0/24` or `2001:DB8::/32`; one without a prefix is itself alone.
 *
 * @returns undefined where either is none
 */
export function isInRange(range: string, address: string): boolean | undefined {
  const [first = '', prefix, ...rest] = range.split('/');
  const [start, asked] = [addressOf(first), addressOf(address)];
  if (!start || !asked || rest.length > 0) return undefined;
  const length = prefix === undefined ? start.bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Infinity;
  if (length > start.bits) return undefined;
  const shift = BigInt(start.bits - length);
  return start.bits === asked.bits && start.value >> shift === asked.value >> shift;
}

function addressOf(text: string): Address | undefined {
  const value = text.includes(':') ? sixteenBytes(text) : fourBytes(text);
  return value === undefined ? undefined : { bits: text.includes(':') ? 128 : 32, value };
}

function fourBytes(text: string): bigint | undefined {
  const bytes = text.split('.');
  if (bytes.length !== 4 || !bytes.every((byte) => /^(0|[1-9]\d{0,2})$/.test(byte) && Number(byte) < 256))
    return undefined;
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** https://datatracker.ietf.org/doc/html/rfc4291#section-2.2 */
function sixteenBytes(text: string): bigint | undefined {
  const [head = '', tail, ...rest] = text.split('::');
  if (rest.length > 0) return undefined;
  const [left, right] = [groupsOf(head), tail === undefined ? [] : groupsOf(tail)];
  if (!left || !right) return undefined;
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array<bigint>(missing).fill(0n), ...right];
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}

/** Of 16 bits each; an IPv4 address at the end is two of them. */
function groupsOf(text: string): bigint[] | undefined {
  if (text === '') return [];
  const groups: bigint[] = [];
  for (const [at, group] of text.split(':').entries()) {
    const four = group.includes('.') && at === text.split(':').length - 1 ? fourBytes(group) : undefined;
    if (four !== undefined) groups.push(four >> 16n, four & 0xffffn);
    else if (/^[0-9a-f]{1,4}$/i.test(group)) groups.push(BigInt(`0x${group}`));
    else return undefined;
  }
  return groups;
}

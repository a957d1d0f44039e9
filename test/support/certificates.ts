import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/* Certificates for servers of tests, as DER by hand: Node.js reads certificates, and makes none. RFC 5280. */

export interface Certified {
  /** PEM. */
  readonly certificate: string;
  readonly privateKey: string;
}

const encode = (tag: number, ...contents: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
};
const sequence = (...parts: readonly Uint8Array[]): Buffer => encode(0x30, ...parts);
const oid = (hex: string): Buffer => encode(0x06, Buffer.from(hex, 'hex'));
const bits = (content: Uint8Array): Buffer => encode(0x03, Buffer.from([0]), content);
const octets = (content: Uint8Array): Buffer => encode(0x04, content);
const time = (text: string): Buffer => encode(0x18, Buffer.from(text));

const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));
const nameOf = (commonName: string): Buffer =>
  sequence(encode(0x31, sequence(oid('550403'), encode(0x0c, Buffer.from(commonName)))));
const IS_AUTHORITY = sequence(
  oid('551d13'),
  encode(0x01, Buffer.from([255])),
  octets(sequence(encode(0x01, Buffer.from([255])))),
);
const alternativeNames = (): Buffer => {
  const names = sequence(encode(0x82, Buffer.from('localhost')), encode(0x87, Buffer.from([127, 0, 0, 1])));
  return sequence(oid('551d11'), octets(names));
};

function certificateOf(
  subject: { readonly name: string; readonly publicKey: KeyObject; readonly extension: Buffer },
  issuer: { readonly name: string; readonly privateKey: KeyObject },
): string {
  const content = sequence(
    encode(0xa0, encode(0x02, Buffer.from([2]))),
    encode(0x02, Buffer.from([1]), randomBytes(8)),
    ECDSA_SHA256,
    nameOf(issuer.name),
    sequence(time('20200101000000Z'), time('21200101000000Z')),
    nameOf(subject.name),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    encode(0xa3, sequence(subject.extension)),
  );
  const signed = sequence(content, ECDSA_SHA256, bits(sign('sha256', content, issuer.privateKey)));
  const lines = signed.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** A certificate authority of its own. */
export function newAuthority(name = 'kubernetes'): Certified {
  const { publicKey, privateKey } = newKeys();
  const subject = { name, publicKey, extension: IS_AUTHORITY };
  return { certificate: certificateOf(subject, { name, privateKey }), privateKey: pem(privateKey) };
}

/** A server on `localhost` and 127.0.0.1, certified by an authority made here with the same name. */
export function newServer({ privateKey: authority }: Certified, issuer = 'kubernetes'): Certified {
  const { publicKey, privateKey } = newKeys();
  const subject = { name: 'kube-apiserver', publicKey, extension: alternativeNames() };
  return {
    certificate: certificateOf(subject, { name: issuer, privateKey: createPrivateKey(authority) }),
    privateKey: pem(privateKey),
  };
}

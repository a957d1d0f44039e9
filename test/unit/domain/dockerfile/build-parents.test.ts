// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are variables of Dockerfiles.
import { type BuildParent, buildParentsOf } from '../../../../shared/domain/dockerfile/build-parents.ts';
import { DockerfileError } from '../../../../shared/domain/dockerfile/dockerfile-error.ts';
import { fc } from '../../../support/seeded.ts';

/** `1 debian:12`, `3 COPY --from debian:12`, `2 unknown`, `2 no stage x`. */
function shortly(parent: BuildParent): string {
  const by = parent.by === 'FROM' ? `${parent.line}` : `${parent.line} ${parent.by}`;
  if (parent.kind === 'image') return `${by} ${parent.reference}`;
  return parent.kind === 'unknown' ? `${by} unknown` : `${by} no stage ${parent.name}`;
}

const parentsIn = (...lines: readonly string[]): readonly string[] => buildParentsOf(lines.join('\n')).map(shortly);

/** Forms of FROM and of what stands around it, as BuildKit reads them. */
test.each<[string, readonly string[], readonly string[]]>([
  ['a name', ['FROM debian'], ['1 debian']],
  ['a tag', ['FROM debian:12'], ['1 debian:12']],
  ['a registry with a port', ['FROM localhost:5000/base:1'], ['1 localhost:5000/base:1']],
  ['a digest', [`FROM debian@sha256:${'a'.repeat(64)}`], [`1 debian@sha256:${'a'.repeat(64)}`]],
  ['a tag and a digest', [`FROM debian:12@sha256:${'a'.repeat(64)}`], [`1 debian:12@sha256:${'a'.repeat(64)}`]],
  ['lower case', ['from debian:12'], ['1 debian:12']],
  ['mixed case', ['FrOm debian:12 aS x', 'FROM x'], ['1 debian:12']],
  ['blanks before it', [' \t FROM debian:12'], ['1 debian:12']],
  ['blanks after it', ['FROM debian:12  \t '], ['1 debian:12']],
  ['tabs between its words', ['FROM\tdebian:12\tAS\tx'], ['1 debian:12']],
  ['empty lines before it', ['', '', 'FROM debian:12'], ['3 debian:12']],
  ['a comment before it', ['# FROM x', 'FROM debian:12'], ['2 debian:12']],
  ['an indented comment', ['  # FROM x', 'FROM debian:12'], ['2 debian:12']],
  ['a comment is none after other words', ['FROM debian:12', 'RUN true # FROM x'], ['1 debian:12']],
  ['no line end at the end', ['FROM debian:12', 'RUN true'], ['1 debian:12']],
  ['CRLF', ['FROM debian:12\r', 'RUN true\r', 'FROM alpine:3\r', ''], ['1 debian:12', '3 alpine:3']],
  ['CRLF in a continued line', ['FROM \\\r', ' debian:12 \\\r', ' AS x\r', 'FROM x\r'], ['1 debian:12']],
  ['a byte order mark', ['\ufeffFROM debian:12'], ['1 debian:12']],
  ['a byte order mark before a directive', ['\ufeff# escape=`', 'FROM `', ' debian:12'], ['2 debian:12']],
  ['a continued line', ['FROM \\', '  debian:12'], ['1 debian:12']],
  ['a continued word', ['FROM deb\\', 'ian:12'], ['1 debian:12']],
  ['blanks after the escape character', ['FROM \\  ', ' debian:12'], ['1 debian:12']],
  ['a comment inside a continued line', ['FROM \\', '# FROM x', ' debian:12'], ['1 debian:12']],
  ['a comment inside a continued word', ['FROM deb\\', '  # x', 'ian:12'], ['1 debian:12']],
  ['an empty line inside a continued line', ['FROM \\', '', ' debian:12'], ['1 debian:12']],
  ['an instruction that an empty line does not end', ['FROM a:1', 'RUN x \\', '', 'FROM b:1'], ['1 a:1']],
  ['an instruction that a comment does not end', ['FROM a:1', 'RUN x \\', '# y', 'FROM b:1'], ['1 a:1']],
  ['an escaped escape character ends the line', ['FROM a:1', 'RUN x \\\\', 'FROM b:1'], ['1 a:1', '3 b:1']],
  ['a continued line at the end of the file', ['FROM debian:12 \\'], ['1 debian:12']],
  ['a line with only the escape character', ['\\', 'FROM debian:12'], ['1 debian:12']],
  [
    'the escape directive',
    ['# escape=`', 'FROM `', ' debian:12', 'RUN dir C:\\', 'FROM b:1'],
    ['2 debian:12', '5 b:1'],
  ],
  ['the escape directive without blanks', ['#escape=`', 'FROM `', ' debian:12'], ['2 debian:12']],
  ['the escape directive in capitals', ['# ESCAPE = `', 'FROM `', ' debian:12'], ['2 debian:12']],
  [
    'the escape directive after that of the syntax',
    ['# syntax=docker/dockerfile:1', '# escape=`', 'FROM `', 'a:1'],
    ['3 a:1'],
  ],
  [
    'an escape directive after a comment is a comment',
    ['# hello', '# escape=`', 'FROM \\', ' debian:12'],
    ['3 debian:12'],
  ],
  [
    'an escape directive after an empty line is a comment',
    ['', '# escape=`', 'FROM \\', ' debian:12'],
    ['3 debian:12'],
  ],
  ['an escape directive below a shebang is a comment', ['#!/bin/x', '# escape=`', 'FROM \\', ' a:1'], ['3 a:1']],
  ['a front end after a comment is a comment', ['# hello', '# syntax=acme/nix', 'FROM a:1'], ['3 a:1']],
  ['a front end from a mirror', ['# syntax=registry.example.com/hub/docker/dockerfile:1.7', 'FROM a:1'], ['2 a:1']],
  ['a platform', ['FROM --platform=linux/arm64 debian:12'], ['1 debian:12']],
  [
    'a platform that the build decides',
    ['FROM --platform=$BUILDPLATFORM golang:1 AS build', 'FROM build'],
    ['1 golang:1'],
  ],
  ['a platform in braces', ['FROM --platform=${TARGETPLATFORM:-linux/amd64} a:1'], ['1 a:1']],
  ['a platform that no ARG declares', ['FROM --platform=$WHICH a:1'], ['1 a:1']],
  ['a platform on its own line', ['FROM --platform=linux/amd64 \\', '  a:1'], ['1 a:1']],
  ['double quotes', ['FROM "debian:12"'], ['1 debian:12']],
  ['single quotes', ["FROM 'debian:12'"], ['1 debian:12']],
  ['an escaped character', ['FROM debian\\:12'], ['1 debian:12']],
  ['scratch', ['FROM scratch'], []],
  ['scratch beside an image', ['FROM golang:1 AS b', 'FROM scratch', 'COPY --from=b /x /x'], ['1 golang:1']],
  ['a stage', ['FROM a:1 AS base', 'FROM base'], ['1 a:1']],
  ['a stage by other letters', ['FROM a:1 AS Base', 'FROM BASE'], ['1 a:1']],
  ['a stage with dots', ['FROM a:1 AS v1.2_x-y', 'FROM v1.2_x-y'], ['1 a:1']],
  ['a stage that comes later is an image', ['FROM later', 'FROM a:1 AS later'], ['1 later', '2 a:1']],
  ['a stage of its own name is an image', ['FROM node AS node', 'FROM node'], ['1 node']],
  ['two stages of one name', ['FROM a:1 AS x', 'FROM b:1 AS x', 'FROM x'], ['1 a:1', '2 b:1']],
  ['a stage of the name latest', ['FROM a:1 AS latest', 'FROM b:latest'], ['1 a:1', '2 b:latest']],
  ['an ARG', ['ARG TAG=12', 'FROM debian:$TAG'], ['2 debian:12']],
  ['an ARG in braces', ['ARG TAG=12', 'FROM debian:${TAG}-slim'], ['2 debian:12-slim']],
  ['an ARG for the whole reference', ['ARG BASE=debian:12', 'FROM ${BASE} AS x'], ['2 debian:12']],
  ['an ARG for a stage', ['ARG FROM_STAGE=b', 'FROM a:1 AS b', 'FROM ${FROM_STAGE}'], ['2 a:1']],
  ['an ARG with quotes', ['ARG BASE="debian:12"', 'FROM $BASE'], ['2 debian:12']],
  ['several ARG on one line', ['ARG A=debian B=12', 'FROM $A:$B'], ['2 debian:12']],
  ['an ARG that uses another', ['ARG A=12', 'ARG B=debian:$A', 'FROM $B'], ['3 debian:12']],
  ['an ARG that is given again', ['ARG A=11', 'ARG A=12', 'FROM debian:$A'], ['3 debian:12']],
  ['an ARG that is named again keeps its default', ['ARG A=12', 'ARG A', 'FROM debian:$A'], ['3 debian:12']],
  ['an empty ARG alone, beside an unnamed stage', ['ARG EMPTY=', 'FROM scratch', 'FROM ${EMPTY}'], ['3 unknown']],
  ['an ARG without a default', ['ARG TAG', 'FROM debian:$TAG'], ['2 unknown']],
  ['an ARG whose default needs one', ['ARG A', 'ARG B=debian:$A', 'FROM $B'], ['3 unknown']],
  ['an ARG without a default, with one where it is used', ['ARG TAG', 'FROM debian:${TAG:-12}'], ['2 debian:12']],
  ['a default that is not needed', ['ARG TAG=11', 'FROM debian:${TAG:-12}'], ['2 debian:11']],
  ['an empty ARG, with a default for empty', ['ARG TAG=', 'FROM debian:${TAG:-12}'], ['2 debian:12']],
  ['an empty ARG, with a default for none', ['ARG TAG=', 'FROM debian${TAG-:12}'], ['2 debian']],
  ['a default within a default', ['ARG A', 'ARG B=12', 'FROM debian:${A:-${B}}'], ['3 debian:12']],
  ['a text for an ARG that is there', ['ARG SLIM=1', 'FROM debian:12${SLIM:+-slim}'], ['2 debian:12-slim']],
  ['a text for an ARG that is not there', ['ARG SLIM', 'FROM debian:12${SLIM:+-slim}'], ['2 debian:12']],
  ['an ARG that must be there', ['ARG TAG', 'FROM debian:${TAG:?missing}'], ['2 unknown']],
  ['a part of an ARG', ['ARG TAG=v12', 'FROM debian:${TAG#v}'], ['2 unknown']],
  ['a variable that no ARG declares', ['FROM debian:$TAG'], ['1 unknown']],
  ['an ARG after a FROM does not count', ['FROM a:1', 'ARG TAG=12', 'FROM debian:$TAG'], ['1 a:1', '3 unknown']],
  ['an ENV does not count', ['FROM a:1', 'ENV TAG=12', 'FROM debian:$TAG'], ['1 a:1', '3 unknown']],
  ['a variable of the platform', ['FROM base-${TARGETARCH}:1'], ['1 unknown']],
  ['a variable of the platform with a default', ['FROM base-${TARGETARCH:-amd64}:1'], ['1 unknown']],
  ['an escaped variable', ['FROM debian:\\$TAG'], ['1 debian:$TAG']],
  ['a variable in single quotes', ['ARG TAG=1', "FROM 'debian:$TAG'"], ['2 debian:$TAG']],
  ['a heredoc', ['FROM a:1', 'RUN <<EOF', 'FROM x', 'EOF', 'FROM b:1'], ['1 a:1', '5 b:1']],
  ['a heredoc after a command', ['FROM a:1', 'RUN cat <<EOF > /f', 'FROM x', 'EOF', 'FROM b:1'], ['1 a:1', '5 b:1']],
  ['a heredoc after a blank', ['FROM a:1', 'RUN cat << EOF', 'FROM x', 'EOF', 'FROM b:1'], ['1 a:1', '5 b:1']],
  ['a heredoc without tabs', ['FROM a:1', 'RUN <<-EOF', '\tFROM x', '\tEOF', 'FROM b:1'], ['1 a:1', '5 b:1']],
  [
    'a heredoc without tabs, after a blank',
    ['FROM a:1', 'RUN <<- EOF', 'FROM x', '\tEOF', 'FROM b:1'],
    ['1 a:1', '5 b:1'],
  ],
  ['a heredoc whose end is not indented', ['FROM a:1', 'RUN <<EOF', ' EOF', 'FROM x', 'EOF'], ['1 a:1']],
  ['a heredoc in quotes', ['FROM a:1', "RUN <<'EOF'", 'FROM x', 'EOF', 'FROM b:1'], ['1 a:1', '5 b:1']],
  ['a heredoc of two words', ['FROM a:1', 'RUN <<"E F"', 'FROM x', 'E F', 'FROM b:1'], ['1 a:1', '5 b:1']],
  ['a heredoc in part in quotes', ['FROM a:1', "RUN <<E'OF'", 'FROM x', 'EOF', 'FROM b:1'], ['1 a:1', '5 b:1']],
  ['a heredoc with a number', ['FROM a:1', 'RUN 3<<EOF cat', 'FROM x', 'EOF', 'FROM b:1'], ['1 a:1', '5 b:1']],
  ['two heredocs', ['FROM a:1', 'COPY <<A <<B /x/', 'B', 'A', 'FROM x', 'B', 'FROM b:1'], ['1 a:1', '7 b:1']],
  [
    'a heredoc of COPY with a flag',
    ['FROM a:1', 'COPY --chmod=1 <<A /x', 'FROM x', 'A', 'FROM b:1'],
    ['1 a:1', '5 b:1'],
  ],
  ['a heredoc of ADD', ['FROM a:1', 'ADD <<A /x', 'FROM x', 'A', 'FROM b:1'], ['1 a:1', '5 b:1']],
  ['a heredoc of ONBUILD', ['FROM a:1', 'ONBUILD RUN <<A', 'FROM x', 'A', 'FROM b:1'], ['1 a:1', '5 b:1']],
  ['a heredoc with CRLF', ['FROM a:1\r', 'RUN <<EOF\r', 'FROM x\r', 'EOF\r', 'FROM b:1\r'], ['1 a:1', '5 b:1']],
  [
    'a heredoc after a continued line',
    ['FROM a:1', 'RUN cat \\', ' <<EOF', 'FROM x', 'EOF', 'FROM b:1'],
    ['1 a:1', '6 b:1'],
  ],
  [
    'an escape character at the end of a heredoc',
    ['FROM a:1', 'RUN <<EOF', 'x \\', 'EOF', 'FROM b:1'],
    ['1 a:1', '5 b:1'],
  ],
  ['no heredoc in quotes', ['FROM a:1', 'RUN echo "<<EOF"', 'FROM b:1'], ['1 a:1', '3 b:1']],
  ['no heredoc in a list', ['FROM a:1', 'RUN ["cat", "<<EOF"]', 'FROM b:1'], ['1 a:1', '3 b:1']],
  ['no heredoc with three characters', ['FROM a:1', 'RUN cat <<<EOF', 'FROM b:1'], ['1 a:1', '3 b:1']],
  ['no heredoc in arithmetic', ['FROM a:1', 'RUN echo $((1<<EOF))', 'FROM b:1'], ['1 a:1', '3 b:1']],
  ['no heredoc of ENV', ['FROM a:1', 'ENV A=<<EOF', 'FROM b:1'], ['1 a:1', '3 b:1']],
  ['no heredoc beside an open quote', ['FROM a:1', "RUN echo it's <<EOF", 'FROM b:1'], ['1 a:1', '3 b:1']],
  ['COPY from a stage', ['FROM a:1 AS x', 'FROM b:1', 'COPY --from=X / /'], ['1 a:1', '2 b:1']],
  ['COPY from a number', ['FROM a:1', 'FROM b:1', 'COPY --from=0 / /'], ['1 a:1', '2 b:1']],
  ['COPY from a number too high', ['FROM a:1', 'COPY --from=1 / /'], ['1 a:1', '2 COPY --from no stage 1']],
  ['COPY from its own stage', ['FROM a:1 AS x', 'COPY --from=x / /'], ['1 a:1', '2 COPY --from no stage x']],
  ['COPY from a stage that comes later', ['FROM a:1', 'COPY --from=x / /', 'FROM b:1 AS x'], ['1 a:1', '3 b:1']],
  ['COPY from an image', ['FROM a:1', 'COPY --from=nginx:1 / /'], ['1 a:1', '2 COPY --from nginx:1']],
  ['COPY from an image with a path', ['FROM a:1', 'COPY --link --from=r/x / /'], ['1 a:1', '2 COPY --from r/x']],
  [
    'COPY from a misspelled stage',
    ['FROM a:1 AS build', 'FROM b:1', 'COPY --from=biuld / /'],
    ['1 a:1', '2 b:1', '3 COPY --from no stage biuld'],
  ],
  ['COPY from a variable', ['ARG X=a', 'FROM a:1', 'COPY --from=$X / /'], ['2 a:1', '3 COPY --from unknown']],
  ['COPY from scratch', ['FROM a:1', 'COPY --from=scratch / /'], ['1 a:1']],
  ['COPY of a file with that name', ['FROM a:1', 'COPY x --from=b /'], ['1 a:1']],
  ['COPY from on a continued line', ['FROM a:1', 'COPY \\', ' --from=b:1 \\', ' / /'], ['1 a:1', '2 COPY --from b:1']],
  ['RUN with a mount', ['FROM a:1', 'RUN --mount=type=bind,from=b:1,target=/x ls'], ['1 a:1', '2 RUN --mount b:1']],
  [
    'RUN with mounts',
    ['FROM a:1', 'RUN --mount=from=b:1 --mount=type=cache,target=/x --mount=from=c:1 ls'],
    ['1 a:1', '2 RUN --mount b:1', '2 RUN --mount c:1'],
  ],
  ['RUN with a mount of a stage', ['FROM a:1 AS x', 'FROM b:1', 'RUN --mount=from=x,target=/y ls'], ['1 a:1', '2 b:1']],
  [
    'RUN with a mount and a heredoc',
    ['FROM a:1', 'RUN --mount=from=b:1 <<E', 'FROM x', 'E'],
    ['1 a:1', '2 RUN --mount b:1'],
  ],
  ['RUN of a command with that option', ['FROM a:1', 'RUN x --mount=from=b:1'], ['1 a:1']],
  [
    'ONBUILD with a stage of other builds',
    ['FROM a:1', 'ONBUILD COPY --from=x / /'],
    ['1 a:1', '2 COPY --from unknown'],
  ],
])('%s', (_name, lines, expected) => {
  expect(parentsIn(...lines)).toEqual(expected);
});

test.each<[string, readonly string[], string]>([
  ['an unknown instruction', ['FROM a:1', 'FORM b:1'], '2: "FORM" is no instruction'],
  ['no FROM', ['ARG A=1'], '1: it has no FROM'],
  ['an empty file', [''], '1: it has no FROM'],
  ['an instruction before the first FROM', ['RUN true', 'FROM a:1'], '1: RUN stands before the first FROM'],
  ['a FROM without an image', ['FROM'], '1: its FROM is not of the form FROM IMAGE [AS NAME]'],
  ['a FROM with two images', ['FROM a:1 b:1'], '1: its FROM is not of the form FROM IMAGE [AS NAME]'],
  ['a stage without a name', ['FROM a:1 AS'], '1: its FROM is not of the form FROM IMAGE [AS NAME]'],
  ['a stage with a number for a name', ['FROM a:1 AS 1x'], '1: "1x" is no name of a stage'],
  ['an open heredoc', ['FROM a:1', 'RUN <<EOF', 'FROM b:1'], '2: its heredoc "EOF" has no end'],
  ['another escape character', ['# escape=x', 'FROM a:1'], '1: the escape character must be \\ or `'],
  [
    'a directive that is there twice',
    ['# escape=`', '# escape=`', 'FROM a:1'],
    '2: the directive escape is there twice',
  ],
  [
    'another front end below a shebang',
    ['#!/bin/x', '# syntax=acme/nix', 'FROM a:1'],
    '2: it is written for the front end "acme/nix"',
  ],
  ['another front end', ['# syntax=acme/nix', 'FROM a:1'], '1: it is written for the front end "acme/nix"'],
])('refuses %s, because a build refuses it too or reads it otherwise', (_name, lines, expected) => {
  const read = () => {
    try {
      return parentsIn(...lines);
    } catch (error) {
      if (error instanceof DockerfileError) return `${error.line}: ${error.message}`;
      throw error;
    }
  };
  expect(read()).toBe(expected);
});

test('a FROM is found wherever it stands, and only there, whatever its neighbours are', () => {
  const neighbour = fc.constantFrom(
    ...[
      '# FROM x',
      '',
      'RUN <<E\nFROM x\nE',
      'ENV A="FROM x"',
      'RUN a \\\n  && b',
      'LABEL a=b',
      'COPY . /',
      'RUN ["a"]',
    ],
  );
  fc.assert(
    fc.property(fc.array(neighbour), fc.array(neighbour), (between, after) => {
      const text = ['FROM a:1 AS x', ...between, 'FROM b:1', ...after, 'FROM x'].join('\n');
      expect(buildParentsOf(text).map((parent) => parent.kind === 'image' && parent.reference)).toEqual(['a:1', 'b:1']);
    }),
  );
});

test('no text makes it fail in another way, or take long', () => {
  const piece = fc.constantFrom(
    ...'FROM|RUN|COPY|--from=|--mount=|<<|E|"|\'|\\|`|$|{|}|:-|,|=| |\n|\t|#|a:1|AS|["'.split('|'),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      try {
        buildParentsOf(`FROM a:1\n${pieces.join('')}`);
      } catch (error) {
        expect(error).toBeInstanceOf(DockerfileError);
      }
    }),
  );
});

test.each<[string, string]>([
  ['blanks', `RUN ${' '.repeat(500_000)}x`],
  ['line ends', `RUN ${'\r'.repeat(500_000)}x`],
  ['nested variables', `RUN ${'${A:-'.repeat(100_000)}`],
  ['nested variables that are closed', `FROM ${'${A:-'.repeat(50_000)}x${'}'.repeat(50_000)}`],
  ['open quotes', `RUN ${'"'.repeat(500_001)}`],
  ['heredocs without a name', `RUN ${'<'.repeat(500_000)}`],
  ['flags', `COPY ${'--a '.repeat(200_000)}`],
  ['flags without an end', `COPY --${'a'.repeat(500_000)}`],
])('many %s are read in linear time and without deep calls', (_name, line) => {
  expect(() => buildParentsOf(`FROM a:1\n${line}\n`)).not.toThrow(RangeError);
});

/**
 * States that the real plugins wrote: the first as pulumi-random's own tests recorded it from 4.16.0, the others
 * by plugins built from their sources at the versions that are stood in for.
 */
import type { PropertyMap } from "../../../tools/plugins/lib/values.ts";

interface RealState {
  readonly type: string;
  readonly inputs: PropertyMap;
  readonly state: PropertyMap;
}

const mark = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };
const absent = { ...mark, value: { replace: { raw: null } } };
const delta = (ps: PropertyMap) => ({ __pulumi_raw_state_delta: { obj: { ps } } });

/** A password and the hash that Go's bcrypt made of it, in the real plugin. */
export const realPassword = {
  result: "Qp7:#8odTqS)5#bS",
  bcryptHash: "$2a$10$HsFvLK4wI7aLBcqPQiJ8DOGYyeymRSM.MNTWUbd/Q3.SykJ/ukpBi",
};

export const realRandomStates: readonly RealState[] = [
  {
    type: "random:index/randomPassword:RandomPassword",
    inputs: {
      length: 16,
      lower: true,
      minLower: 2,
      minNumeric: 2,
      minSpecial: 2,
      minUpper: 2,
      number: true,
      special: true,
      upper: true,
    },
    state: {
      __meta: '{"schema_version":"3"}',
      bcryptHash: { ...mark, value: realPassword.bcryptHash },
      id: "none",
      length: 16,
      lower: true,
      minLower: 2,
      minNumeric: 2,
      minSpecial: 2,
      minUpper: 2,
      number: true,
      numeric: true,
      result: { ...mark, value: realPassword.result },
      special: true,
      upper: true,
    },
  },
  {
    type: "random:index/randomPassword:RandomPassword",
    inputs: { keepers: { a: "1" }, length: 8, numeric: false, overrideSpecial: "", special: false },
    state: {
      __meta: '{"schema_version":"3"}',
      ...delta({ keepers: { map: {} } }),
      bcryptHash: { ...mark, value: "$2a$10$O3XHM/uYf0B/ylkTPfLhv.EZLbRaF1vUV9ayaIAiWOhpJSVqXQ4Qi" },
      id: "none",
      keepers: { a: "1" },
      length: 8,
      lower: true,
      minLower: 0,
      minNumeric: 0,
      minSpecial: 0,
      minUpper: 0,
      number: false,
      numeric: false,
      overrideSpecial: "",
      result: { ...mark, value: "JzkCBsEE" },
      special: false,
      upper: true,
    },
  },
  {
    type: "random:index/randomString:RandomString",
    inputs: { length: 5, number: false },
    state: {
      __meta: '{"schema_version":"2"}',
      ...delta({ keepers: absent, overrideSpecial: absent }),
      id: "UVdXe",
      length: 5,
      lower: true,
      minLower: 0,
      minNumeric: 0,
      minSpecial: 0,
      minUpper: 0,
      number: false,
      numeric: false,
      result: "UVdXe",
      special: true,
      upper: true,
    },
  },
  {
    type: "random:index/randomId:RandomId",
    inputs: { byteLength: 4, prefix: "p-" },
    state: {
      ...delta({ keepers: absent }),
      b64Std: "p-e4LeXg==",
      b64Url: "p-e4LeXg",
      byteLength: 4,
      dec: "p-2072174174",
      hex: "p-7b82de5e",
      id: "e4LeXg",
      prefix: "p-",
    },
  },
  {
    type: "random:index/randomUuid:RandomUuid",
    inputs: {},
    state: {
      ...delta({ keepers: absent }),
      id: "90e5775a-d0fe-21c5-114b-73daf8d9ec20",
      result: "90e5775a-d0fe-21c5-114b-73daf8d9ec20",
    },
  },
  {
    type: "random:index/randomUuid4:RandomUuid4",
    inputs: {},
    state: {
      ...delta({ keepers: absent }),
      id: "8a7efda1-676e-452c-9adb-d2b364a9c79e",
      result: "8a7efda1-676e-452c-9adb-d2b364a9c79e",
    },
  },
  {
    type: "random:index/randomInteger:RandomInteger",
    inputs: { max: 5, min: 1 },
    state: { ...delta({ keepers: absent, seed: absent }), id: "5", max: 5, min: 1, result: 5 },
  },
  {
    type: "random:index/randomBytes:RandomBytes",
    inputs: { length: 4 },
    state: {
      ...delta({ keepers: absent }),
      base64: { ...mark, value: "SkRTCw==" },
      hex: { ...mark, value: "4a44530b" },
      length: 4,
    },
  },
];

export const realCommandState: RealState = {
  type: "command:local:Command",
  inputs: {
    create: "echo create",
    delete: "echo del $PULUMI_COMMAND_STDOUT",
    environment: { A: { ...mark, value: "1" } },
    triggers: ["a", { b: 1 }],
    update: "echo update $PULUMI_COMMAND_STDOUT",
  },
  state: {
    create: "echo create",
    delete: "echo del $PULUMI_COMMAND_STDOUT",
    environment: { A: { ...mark, value: "1" } },
    stderr: "",
    stdout: "create",
    triggers: ["a", { b: 1 }],
    update: "echo update $PULUMI_COMMAND_STDOUT",
  },
};

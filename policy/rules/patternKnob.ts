import { z } from "zod";

/** A setting that is a regular expression, in the syntax that JavaScript and RE2 share. */
export const patternKnob = z.string().refine(isPattern, "it is no regular expression");

function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

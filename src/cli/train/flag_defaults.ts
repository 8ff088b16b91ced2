/**
 * What the flags of `train` are where they are not given: it depends on the preset, and on whether a model is fine-tuned.
 *
 * @module
 */
import {
  adapterTraining,
  fineTuning,
  type ModelSizes,
  type PresetName,
  presets,
} from "../../training/presets.ts";
import { type TrainerSettings, withDefaults } from "../../training/trainer_settings.ts";
import { numberText } from "../terminal/units.ts";

const names = Object.keys(presets) as PresetName[];

/** Of the size of a new model: `Default: 4 (nano, demo), 6 (nano-large), ...`. */
export function sizeDefault(size: keyof ModelSizes): string {
  return defaultText(names.map((name) => [name, numberText(presets[name].model[size])]));
}

/** Of the tokenizer of a new model. */
export function tokenizerDefault(): string {
  return defaultText(names.map((name) => [name, presets[name].tokenizer]));
}

/** Of how a model is trained: `Default: 0.001 (nano-large), 0.00005 (--init), ...`. */
export function settingDefault(setting: keyof TrainerSettings): string {
  const all = [
    ...names.map((name) => [name, presets[name].training] as const),
    ["--init", fineTuning] as const,
    ["--lora", adapterTraining] as const,
  ];
  return defaultText(all.map(([name, training]) => {
    const value = withDefaults(training, 1)[setting];
    return [name, typeof value === "number" ? settingText(value) : String(value)];
  }));
}

function settingText(value: number): string {
  if (value >= 1) return numberText(value);
  const rounded = Number(value.toPrecision(6)); // A tenth of something is no round number.
  return value > 0 && value < 0.01 ? rounded.toExponential() : String(rounded);
}

/** Each value with those that have it. One that most have comes first, alone. */
function defaultText(values: readonly (readonly [name: string, value: string])[]): string {
  const byValue = [...Map.groupBy(values, ([, value]) => value)];
  const usual = byValue.find(([, those]) => 2 * those.length > values.length);
  const others = byValue.filter((each) => each !== usual).map(([value, those]) =>
    `${value} (${those.map(([name]) => name).join(", ")})`
  );
  const parts = [...usual === undefined ? [] : [usual[0]], others.join(", ")];
  return `Default: ${parts.filter((part) => part !== "").join("; ")}.`;
}

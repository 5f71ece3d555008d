/** Places in a module's source as a terminal opens them: from the current folder, where the library has them from the package's. */
import { existsSync, realpathSync } from "node:fs";
import path from "node:path";

/** Changes the places in a text. */
export type PlacesFromHere = (text: string) => string;

/**
 * A function that changes the places of a module's source in a text. What is no file of the module's package stays as it is.
 *
 * @param files the files that places are in, as the library names them
 */
export function placesFromHere(module: string, files: Iterable<string>): PlacesFromHere {
  const root = packageFolder(path.dirname(realpathSync(module)));
  const moved = Array.from(new Set(files), (file) => [file, fromHere(root, file)] as const).filter(
    ([file, here]) => here !== file,
  );
  const changes = moved.map(([file, here]) => [placeOf(file), here] as const);
  return (text) => changes.reduce((changed, [place, here]) => changed.replaceAll(place, () => here), text);
}

/** The nearest folder with a package.json, at or above one; the topmost where there is none. */
function packageFolder(folder: string): string {
  const above = path.dirname(folder);
  return above === folder || existsSync(path.join(folder, "package.json")) ? folder : packageFolder(above);
}

function fromHere(root: string, file: string): string {
  const whole = path.resolve(root, file);
  return existsSync(whole) ? path.relative(process.cwd(), whole) : file;
}

/** A file's name where its line follows. */
function placeOf(file: string): RegExp {
  return new RegExp(`(?<=^|[\\s(])${file.replaceAll(/\W/g, String.raw`\$&`)}(?=:\\d)`, "gm");
}

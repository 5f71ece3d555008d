/** Pictures of images and runs. */
export { imageToHtml, type ImageHtmlOptions } from "./image-to-html.ts";

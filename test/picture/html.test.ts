import { expect, test } from "vitest";
import { html, jsonScript, Markup } from "../../src/picture/page/html.ts";

test("values are escaped in text and in attributes, markup is not, and nothing is nothing", () => {
  expect(html`<p title="${`"'`}">${"<&>"}${html`<b>${1}</b>`}${undefined}${["a", [new Markup("<hr>")]]}</p>`.text).toBe(
    '<p title="&quot;&#39;">&lt;&amp;&gt;<b>1</b>a<hr></p>',
  );
});

test("data for the script cannot end its element", () => {
  const { text } = jsonScript("data", ["</script><!--"]);
  expect(text.match(/<\/?script/g)).toEqual(["<script", "</script"]);
  expect(JSON.parse(/>(.*)<\/script>$/s.exec(text)![1]!)).toEqual(["</script><!--"]);
});

/** Text number `number` of the names test: of any length to 120, in several alphabets, no two alike. */
export function textOf(number: number): string {
  const alphabet = ['abcdefgh', 'äöüßéèñ', '语言文字', '🎉🚀💡'][number % 4] as string;
  const letters = [...alphabet];
  const length = Math.imul(number, 2_654_435_761) >>> 25;
  let text = `${number}:`;
  for (let k = 0; k < length; k++) text += letters[(number * 7 + k * 3) % letters.length];
  return text;
}

export interface Book {
  title: string;
  pages: number;
}

export function label(book: Book): string {
  return `${book.titel} (${book.pages} pages)`;
}

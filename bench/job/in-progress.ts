/**
 * The documents that a job has given away and that have no outcome yet, by their index. Indexes are given in
 * ascending order, so an array from the oldest one on is enough.
 */
export class InProgress<File extends { readonly id: string }> {
  readonly #files: (File | null)[] = [];
  /** The first place of the array has this index. */
  #first = 0;
  /** Places at the array's begin whose documents have their outcomes. */
  #over = 0;

  /** Adds the document with the next index. */
  add(file: File): void {
    this.#files.push(file);
  }

  /** Takes out the document with this index, which has its outcome. */
  take(index: number): File {
    const place = index - this.#first;
    const file = this.#files[place];
    if (file == null) throw new Error(`expected a document in progress, got index ${index}`);
    this.#files[place] = null;
    while (this.#over < this.#files.length && this.#files[this.#over] === null) this.#over++;
    if (this.#over > 1024) {
      this.#files.splice(0, this.#over);
      this.#first += this.#over;
      this.#over = 0;
    }
    return file;
  }

  /** The ids of the documents that were given away first. */
  oldest(count: number): string[] {
    const ids: string[] = [];
    for (let place = this.#over; place < this.#files.length && ids.length < count; place++) {
      const file = this.#files[place];
      if (file != null) ids.push(file.id);
    }
    return ids;
  }
}
